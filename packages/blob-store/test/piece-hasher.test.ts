import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { PieceGrid } from '../src/piece-grid.ts'
import { digestOf } from '@layermesh/oci'
import { isOnePieceDigest, PieceHasher } from '../src/piece-hasher.ts'

const bytes = Buffer.from('abcdefghijklm')
const hashOf = (start: number, end: number) =>
  new Uint8Array(createHash('sha256').update(bytes.subarray(start, end)).digest())

describe('PieceHasher', () => {
  it('hashes each piece whatever the order of pieces and the cuts between writes', () => {
    const hasher = new PieceHasher(new PieceGrid(bytes.length, 5))
    hasher.update(10, bytes.subarray(10, 13))
    hasher.update(0, bytes.subarray(0, 2))
    hasher.update(2, bytes.subarray(2, 7))
    hasher.update(7, bytes.subarray(7, 10))
    assert.deepEqual(hasher.all(), [hashOf(0, 5), hashOf(5, 10), hashOf(10, 13)])
  })

  it('has no hash of a piece that is not complete', () => {
    const hasher = new PieceHasher(new PieceGrid(bytes.length, 5))
    hasher.update(0, bytes.subarray(0, 7))
    assert.deepEqual(hasher.get(0), hashOf(0, 5))
    assert.equal(hasher.get(1), undefined)
    assert.throws(() => hasher.all(), /piece 1 is not complete/)
  })

  it('has the digest of a blob of one piece', () => {
    const hasher = new PieceHasher(new PieceGrid(bytes.length, 20))
    assert.throws(() => hasher.onePieceDigest(), /piece 0 is not complete/)
    hasher.update(0, bytes)
    assert.equal(hasher.onePieceDigest(), digestOf(bytes))
  })

  it('has no hashes for an empty blob', () => {
    assert.deepEqual(new PieceHasher(new PieceGrid(0, 5)).all(), [])
  })
})

describe('isOnePieceDigest', () => {
  it('holds of one piece and SHA-256 only', () => {
    const one = new PieceGrid(5, 5)
    assert.equal(isOnePieceDigest(digestOf(bytes), one), true)
    assert.equal(isOnePieceDigest(digestOf(bytes, 'sha512'), one), false)
    assert.equal(isOnePieceDigest(digestOf(bytes), new PieceGrid(6, 5)), false)
    assert.equal(isOnePieceDigest(digestOf(bytes), new PieceGrid(0, 5)), false)
  })
})
