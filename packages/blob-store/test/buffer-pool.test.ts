import assert from 'node:assert/strict'
import { allocateBytes, BufferPool, CHUNK_BYTES, MIN_CHUNK_BYTES, POOL_BYTES } from '../src/buffer-pool.ts'

describe('BufferPool', () => {
  it('hands out what was given back', () => {
    const pool = new BufferPool()
    const buffer = pool.acquire()
    assert.equal(buffer.length, CHUNK_BYTES)
    pool.release(buffer)
    assert.equal(pool.acquire(), buffer)
    assert.notEqual(pool.acquire(), buffer)
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
      assert.equal(pool.bytes, Math.max(lentBytes, Math.min(pool.bytes, POOL_BYTES)))
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
    assert.notEqual(pool.acquire(), buffer)
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
