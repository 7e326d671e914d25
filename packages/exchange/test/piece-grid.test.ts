import assert from 'node:assert/strict'
import fc from 'fast-check'
import { isSaneGrid, MAX_CONTENT_BYTES, MAX_PIECE_BYTES, pieceSizeBytes } from '../src/piece-grid.ts'

const MiB = 1024 * 1024

describe('piece grid', () => {
  describe('isSaneGrid', () => {
    for (const [sizeBytes, pieceBytes, sane] of [
      [0, 0, true],
      [0, MiB, true],
      [1, 1, true],
      [5, 4, false],
      [100 * MiB, MiB, true],
      [100 * MiB, 3 * MiB, false],
      [MAX_CONTENT_BYTES, MAX_PIECE_BYTES, true],
      [MAX_CONTENT_BYTES + 1, MAX_PIECE_BYTES, false],
      [MAX_PIECE_BYTES, MAX_PIECE_BYTES, true],
      [MAX_PIECE_BYTES + 1, MAX_PIECE_BYTES + 1, false],
    ] as const) {
      it(`is ${sane} for ${sizeBytes} bytes in pieces of ${pieceBytes}`, () => {
        assert.equal(isSaneGrid({ sizeBytes, pieceBytes }), sane)
      })
    }
  })

  describe('pieceSizeBytes', () => {
    it('cuts all of the content, into full pieces and a last one with the rest', () => {
      fc.assert(
        fc.property(
          fc.integer({ min: 0, max: 10_000 }),
          fc.integer({ min: 1, max: 3000 }),
          (sizeBytes, pieceBytes) => {
            const grid = { sizeBytes, pieceBytes }
            let total = 0
            let count = 0
            for (let size = pieceSizeBytes(grid, 0); size !== undefined; size = pieceSizeBytes(grid, count)) {
              assert.ok(size > 0 && size <= pieceBytes)
              total += size
              count += 1
            }
            assert.equal(total, sizeBytes)
            assert.equal(count, Math.ceil(sizeBytes / pieceBytes))
          },
        ),
      )
    })

    it('is undefined for what is no index', () => {
      for (const index of [-1, 0.5, Number.NaN, 2, 2 ** 53]) {
        assert.equal(pieceSizeBytes({ sizeBytes: 8192, pieceBytes: 4096 }, index), undefined)
      }
    })
  })
})
