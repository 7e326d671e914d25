import assert from 'node:assert/strict'
import { allocateBytes } from '../src/allocate-bytes.ts'
import { AlternatingBuffers } from '../src/alternating-buffers.ts'
import { BufferPool, CHUNK_BYTES, MIN_CHUNK_BYTES, POOL_BYTES } from '../src/buffer-pool.ts'

describe('BufferPool', () => {
  it('hands out what was given back', () => {
    const pool = new BufferPool()
    const buffer = pool.acquire()
    assert.equal(buffer.length, CHUNK_BYTES)
    pool.release(buffer)
    assert.equal(pool.acquire().buffer, buffer.buffer)
    assert.notEqual(pool.acquire().buffer, buffer.buffer)
  })

  it('lends no byte twice', () => {
    const pool = new BufferPool()
    const buffers = Array.from({ length: 300 }, () => pool.acquire())
    for (const [index, buffer] of buffers.entries()) if (index % 3 === 0) pool.release(buffer)
    const lent = buffers.filter((_, index) => index % 3 !== 0)
    while (lent.length < 300) lent.push(pool.acquire())
    for (const [index, buffer] of lent.entries()) buffer.fill(index % 251)
    for (const [index, buffer] of lent.entries()) {
      assert.deepEqual([buffer[0], buffer.at(-1)], [index % 251, index % 251])
    }
  })

  it('allocates nothing anew for readers who come and go', () => {
    const pool = new BufferPool()
    const memory = new Set<unknown>()
    for (let round = 0; round < 10; round += 1) {
      for (const count of [1, 64, 2, 200]) {
        const readers = Array.from({ length: count }, () => new AlternatingBuffers(pool))
        for (let turn = 0; turn < 4; turn += 1) {
          for (const reader of readers) memory.add(reader.next().buffer)
        }
        assert.ok(pool.bytes <= POOL_BYTES, `${pool.bytes} bytes for ${count} readers`)
        for (const reader of readers) reader.release()
      }
    }
    assert.ok(memory.size <= POOL_BYTES / CHUNK_BYTES, `${memory.size} mebibytes`)
  })

  it('lends the smaller buffers the more are lent', () => {
    const pool = new BufferPool()
    const few = Array.from({ length: 32 }, () => pool.acquire())
    assert.ok(few.every((buffer) => buffer.length === CHUNK_BYTES))
    const more = Array.from({ length: 32 }, () => pool.acquire())
    assert.ok(more.every((buffer) => buffer.length === CHUNK_BYTES / 2))
    assert.equal(pool.chunkBytes, CHUNK_BYTES / 2)
    for (const buffer of more) pool.release(buffer)
    assert.equal(pool.acquire().length, CHUNK_BYTES / 2)
    for (const buffer of few) pool.release(buffer)
    assert.equal(pool.acquire().length, CHUNK_BYTES)
  })

  it('lends no more than 32 MiB when the readers change their buffers, and no less than 64 KiB to each', () => {
    const pool = new BufferPool()
    let buffers: Uint8Array[] = []
    for (const readers of [8, 128, 600, 2000]) {
      while (buffers.length < readers) buffers.push(pool.acquire())
      buffers = buffers.map((buffer) => {
        pool.release(buffer)
        return pool.acquire()
      })
      const lentBytes = buffers.reduce((sum, { length }) => sum + length, 0)
      assert.ok(lentBytes <= Math.max(POOL_BYTES, readers * MIN_CHUNK_BYTES), `${lentBytes} to ${readers}`)
      assert.ok(pool.bytes < Math.max(lentBytes + CHUNK_BYTES, POOL_BYTES + 1), `${pool.bytes}`)
      assert.ok(buffers.every(({ length }) => length >= MIN_CHUNK_BYTES))
    }
  })

  it('keeps no more than 32 MiB when nobody reads', () => {
    const pool = new BufferPool()
    const buffers = Array.from({ length: 200 }, () => pool.acquire())
    for (const buffer of buffers) pool.release(buffer)
    assert.ok(pool.bytes <= POOL_BYTES && pool.bytes > POOL_BYTES / 2, `${pool.bytes}`)
  })

  it('forgets what is left to who may still read it', () => {
    const pool = new BufferPool()
    const buffer = pool.acquire()
    pool.abandon(buffer)
    assert.equal(pool.bytes, 0)
    assert.notEqual(pool.acquire().buffer, buffer.buffer)
  })
})

describe('allocateBytes', () => {
  for (const sizeBytes of [0, 1, 64, 65, 5000]) {
    it(`gives ${sizeBytes} bytes of their own, whose slice is a copy`, () => {
      const bytes = allocateBytes(sizeBytes)
      assert.equal(bytes.length, sizeBytes)
      assert.equal(bytes.buffer.byteLength, sizeBytes)
      assert.notEqual(bytes.slice().buffer, bytes.buffer)
    })
  }
})
