import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'

import { pieceBytesFor } from '@layermesh/interface'
import { digestOf } from '@layermesh/oci'
import { seededBytes } from '@layermesh/testkit'

import { MemoryFill } from '../src/memory-fill.ts'
import { collect } from './support/test-cluster.ts'

const MiB = 1024 * 1024
const BYTES = seededBytes('memory', 2 * MiB + 7)
const DIGEST = digestOf(BYTES)
const start = () => new MemoryFill(DIGEST, BYTES.length, () => {})

describe('MemoryFill', () => {
  const startFilled = async (bytes = BYTES) => {
    const fill = start()
    await fill.write(0, bytes.subarray(0, MiB + 1))
    await fill.write(MiB + 1, bytes.subarray(MiB + 1))
    return fill
  }

  it('gives nothing before the digest is right, then everything to everybody', async () => {
    const fill = await startFilled()
    assert.equal(fill.firstMissing(), undefined)
    const handles = [fill.open(), fill.open()]
    const reading = handles.map((handle) => collect(handle.read()))
    assert.equal(fill.exposed, false)
    await fill.commit()
    for (const bytes of await Promise.all(reading)) assert.deepEqual(bytes, BYTES)
    assert.equal(fill.exposed, true)
    const late = fill.open()
    assert.deepEqual(await collect(late.read({ start: 5, end: 9 })), BYTES.subarray(5, 9))
    await assert.rejects(collect(late.read({ start: 5, end: BYTES.length + 1 })), {
      code: 'ERR_RANGE_UNSATISFIABLE',
    })
    for (const handle of [...handles, late]) await handle[Symbol.asyncDispose]()
    assert.throws(() => fill.open(), { code: 'ERR_FILL_ENDED' })
  })

  it('gives nothing at all when the digest is wrong', async () => {
    const fill = await startFilled(Buffer.alloc(BYTES.length))
    const reading = assert.rejects(collect(fill.open().read()), { code: 'ERR_BLOB_CORRUPT' })
    await assert.rejects(fill.commit(), { code: 'ERR_BLOB_CORRUPT' })
    await reading
    assert.equal(fill.exposed, false)
    await assert.rejects(fill.write(0, BYTES), { code: 'ERR_FILL_ENDED' })
  })

  it('cuts and hashes pieces as a store does', async () => {
    const fill = await startFilled()
    assert.equal(fill.pieceBytes, pieceBytesFor(BYTES.length))
    const last = createHash('sha256')
      .update(BYTES.subarray(2 * MiB))
      .digest()
    assert.deepEqual(fill.pieceHash(2), last)
    assert.equal(fill.pieceHash(3), undefined)
  })

  it('takes bytes in order only', async () => {
    const fill = start()
    await assert.rejects(fill.write(1, BYTES.subarray(0, 1)), RangeError)
    assert.deepEqual(fill.firstMissing(), { start: 0, end: BYTES.length })
  })
})
