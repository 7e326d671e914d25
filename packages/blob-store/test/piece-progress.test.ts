import assert from 'node:assert/strict'
import fc from 'fast-check'
import { PieceGrid } from '../src/piece-grid.ts'
import { PieceProgress } from '../src/piece-progress.ts'

function progressOf(sizeBytes: number, pieceBytes: number): PieceProgress {
  return new PieceProgress(new PieceGrid(sizeBytes, pieceBytes))
}

describe('PieceProgress', () => {
  describe('requireWritable', () => {
    it('accepts the start of any piece', () => {
      progressOf(25, 10).requireWritable({ start: 20, end: 22 })
    })

    it('accepts bytes that go on into pieces that are not begun', () => {
      progressOf(25, 10).requireWritable({ start: 0, end: 25 })
    })

    for (const [name, range] of [
      ['a gap in a piece', { start: 21, end: 22 }],
      ['bytes that are there', { start: 0, end: 5 }],
      ['bytes that go on into a piece that is begun', { start: 5, end: 11 }],
      ['a negative offset', { start: -1, end: 0 }],
      ['a fractional offset', { start: 0.5, end: 1 }],
      ['an end beyond the blob', { start: 20, end: 26 }],
    ] as const) {
      it(`throws a RangeError for ${name}`, () => {
        const progress = progressOf(25, 10)
        progress.record({ start: 0, end: 5 })
        progress.record({ start: 10, end: 15 })
        assert.throws(() => progress.requireWritable(range), RangeError)
      })
    }
  })

  describe('firstMissing', () => {
    it('ends at the next written byte', () => {
      const progress = progressOf(40, 10)
      progress.record({ start: 0, end: 4 })
      progress.record({ start: 30, end: 31 })
      assert.deepEqual(progress.firstMissing(), { start: 4, end: 30 })
    })

    it('is undefined for an empty blob', () => {
      assert.equal(progressOf(0, 10).firstMissing(), undefined)
      assert.equal(progressOf(0, 10).isComplete, true)
    })
  })

  it('agrees with a list of flags, one for each byte, however the bytes come', () => {
    const steps = fc.array(fc.record({ piece: fc.nat(9), length: fc.integer({ min: 1, max: 12 }) }), {
      maxLength: 40,
    })
    fc.assert(
      fc.property(fc.nat(60), fc.integer({ min: 1, max: 12 }), steps, (sizeBytes, pieceBytes, writes) => {
        const grid = new PieceGrid(sizeBytes, pieceBytes)
        const progress = new PieceProgress(grid)
        const flags = new Array<boolean>(sizeBytes).fill(false)
        for (const { piece, length } of writes) {
          if (piece >= grid.count) continue
          let start = grid.startOf(piece)
          while (flags[start] === true && start < grid.endOf(piece)) start++
          // Stop at a piece that somebody else has begun, as a writer has to.
          let end = start
          while (end < Math.min(start + length, sizeBytes) && flags[end] === false) end++
          if (start === grid.endOf(piece)) continue
          progress.requireWritable({ start, end })
          progress.record({ start, end })
          flags.fill(true, start, end)
          assertAgree(progress, grid, flags)
        }
        assertAgree(progress, grid, flags)
      }),
    )
  })
})

function assertAgree(progress: PieceProgress, grid: PieceGrid, flags: readonly boolean[]): void {
  const endOfRun = (from: number, value: boolean) => {
    let end = from
    while (end < flags.length && flags[end] === value) end++
    return end
  }
  const prefixEnd = endOfRun(0, true)
  const isComplete = prefixEnd === flags.length
  assert.equal(progress.prefixEnd, prefixEnd)
  assert.equal(progress.isComplete, isComplete)
  assert.deepEqual(
    progress.firstMissing(),
    isComplete ? undefined : { start: prefixEnd, end: endOfRun(prefixEnd, false) },
  )
  for (let index = 0; index < grid.count; index++) {
    const bytes = flags.slice(grid.startOf(index), grid.endOf(index))
    assert.equal(
      progress.isPieceComplete(index),
      bytes.every((isThere) => isThere),
    )
  }
  for (let offset = 0; offset <= flags.length; offset++) {
    assert.equal(progress.writtenEnd(offset, flags.length), endOfRun(offset, true))
    assert.equal(progress.writtenEnd(offset, offset), offset)
  }
}
