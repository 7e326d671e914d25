import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { open, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { digestOf } from '@layermesh/oci'
import { createTempDir, seededBytes, type TempDir } from '@layermesh/testkit'
import { BufferPool, CHUNK_BYTES } from '../src/buffer-pool.ts'
import { verifyPieces } from '../src/verified-pieces.ts'

// Pieces of more than one chunk, the last one short.
const pieceBytes = CHUNK_BYTES + 1000
const bytes = seededBytes('pieces', 3 * pieceBytes + 7)
const blob = { digest: digestOf(bytes), sizeBytes: bytes.length, pieceBytes }
const pieceAt = (index: number) => bytes.subarray(index * pieceBytes, (index + 1) * pieceBytes)
const claimOf = (index: number) => ({ index, hash: createHash('sha256').update(pieceAt(index)).digest() })

describe('verifyPieces', () => {
  let dir: TempDir
  let file: FileHandle

  beforeEach(async () => {
    dir = await createTempDir()
    file = await open(join(dir.path, 'part'), 'wx+')
    await file.write(bytes)
  })
  afterEach(async () => {
    await file.close()
    await dir[Symbol.asyncDispose]()
  })

  async function verify(...indexes: readonly number[]) {
    const { hashes, prefix } = await verifyPieces(file, blob, indexes.map(claimOf), new BufferPool())
    const { hash, endOffset } = prefix
    assert.equal(hash.digest(), digestOf(bytes.subarray(0, endOffset)))
    return { found: [...hashes.keys()], endOffset }
  }

  it('finds all pieces, in whatever order they are claimed', async () => {
    assert.deepEqual(await verify(3, 1, 0, 2), { found: [0, 1, 2, 3], endOffset: bytes.length })
  })

  it('ends the prefix at the first gap', async () => {
    assert.deepEqual(await verify(0, 2, 3), { found: [0, 2, 3], endOffset: pieceBytes })
    assert.deepEqual(await verify(1), { found: [1], endOffset: 0 })
    assert.deepEqual(await verify(), { found: [], endOffset: 0 })
  })

  it('leaves out a piece that is wrong in its last byte, and keeps it out of the prefix', async () => {
    await file.write(Buffer.of(bytes[2 * pieceBytes - 1]! ^ 1), 0, 1, 2 * pieceBytes - 1)
    assert.deepEqual(await verify(0, 1, 2, 3), { found: [0, 2, 3], endOffset: pieceBytes })
  })

  it('leaves out pieces that the file lacks, as after a power cut', async () => {
    await file.truncate(2 * pieceBytes - 1)
    assert.deepEqual(await verify(0, 1, 2, 3), { found: [0], endOffset: pieceBytes })
  })

  it('leaves out pieces in whose place there are zeros', async () => {
    await file.truncate(pieceBytes)
    await file.truncate(bytes.length)
    assert.deepEqual(await verify(0, 1, 2, 3), { found: [0], endOffset: pieceBytes })
  })

  it('believes the last of two claims about a piece', async () => {
    const wrong = { index: 0, hash: Buffer.alloc(32) }
    const pool = new BufferPool()
    assert.equal((await verifyPieces(file, blob, [wrong, claimOf(0)], pool)).hashes.size, 1)
    assert.equal((await verifyPieces(file, blob, [claimOf(0), wrong], pool)).hashes.size, 0)
  })
})
