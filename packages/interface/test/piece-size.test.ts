import assert from 'node:assert/strict'
import { pieceBytesFor } from '../src/piece-size.ts'

const MiB = 1024 * 1024

describe('pieceBytesFor', () => {
  for (const { sizeBytes, pieceBytes } of [
    { sizeBytes: 0, pieceBytes: MiB },
    { sizeBytes: 1, pieceBytes: MiB },
    { sizeBytes: 512 * MiB, pieceBytes: MiB },
    { sizeBytes: 512 * MiB + 1, pieceBytes: 2 * MiB },
    { sizeBytes: 8192 * MiB, pieceBytes: 16 * MiB },
    { sizeBytes: 1024 ** 4, pieceBytes: 16 * MiB },
  ]) {
    it(`gives ${pieceBytes / MiB} MiB for ${sizeBytes} bytes`, () => {
      assert.equal(pieceBytesFor(sizeBytes), pieceBytes)
    })
  }

  it('gives a power of two, and between 257 and 512 pieces where no limit applies', () => {
    for (let sizeBytes = 512 * MiB + 1; sizeBytes <= 8192 * MiB; sizeBytes += MiB / 2) {
      const pieceBytes = pieceBytesFor(sizeBytes)
      const pieces = Math.ceil(sizeBytes / pieceBytes)
      assert.equal(Math.log2(pieceBytes) % 1, 0)
      assert.ok(pieces > 256 && pieces <= 512, `${pieces} pieces`)
    }
  })
})
