import assert from 'node:assert/strict'
import { allocateBytes, BufferPool, CHUNK_BYTES } from '../src/buffer-pool.ts'

describe('BufferPool', () => {
  it('hands out what was given back', () => {
    const pool = new BufferPool()
    const buffer = pool.acquire()
    assert.equal(buffer.length, CHUNK_BYTES)
    pool.release(buffer)
    assert.equal(pool.acquire(), buffer)
    assert.notEqual(pool.acquire(), buffer)
  })

  it('keeps no more than 32 idle buffers', () => {
    const pool = new BufferPool()
    const buffers = new Set(Array.from({ length: 40 }, () => pool.acquire()))
    for (const buffer of buffers) pool.release(buffer)
    const again = Array.from({ length: 40 }, () => pool.acquire())
    assert.equal(again.filter((buffer) => buffers.has(buffer)).length, 32)
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
