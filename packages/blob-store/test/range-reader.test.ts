import assert from 'node:assert/strict'
import { open, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { RangeUnsatisfiableError, type ByteRange } from '@layermesh/interface'
import { createTempDir, seededBytes, type TempDir } from '@layermesh/testkit'
import { BufferPool, CHUNK_BYTES, MIN_CHUNK_BYTES, POOL_BYTES } from '../src/buffer-pool.ts'
import { readRange, type RangeSource } from '../src/range-reader.ts'

describe('readRange', () => {
  const bytes = seededBytes('range', 5 * CHUNK_BYTES + 100)
  let dir: TempDir
  let file: FileHandle
  let pool: BufferPool

  before(async () => {
    dir = await createTempDir()
    file = await open(join(dir.path, 'blob'), 'wx+')
    await file.write(bytes)
  })
  beforeEach(() => {
    pool = new BufferPool()
  })
  after(async () => {
    await file.close()
    await dir[Symbol.asyncDispose]()
  })

  function sourceOf(overrides: Partial<RangeSource> = {}): RangeSource {
    return {
      file,
      sizeBytes: bytes.length,
      readableEnd: (_offset, limit) => Promise.resolve(limit),
      inMemory: () => undefined,
      beforeChunk() {},
      endedAt: (offset) => Promise.resolve(new Error(`ended at ${offset}`)),
      ...overrides,
    }
  }

  const read = (range: ByteRange, signal?: AbortSignal) => readRange(sourceOf(), pool, range, signal)

  for (const range of [
    { start: 0, end: bytes.length },
    { start: 1, end: 2 },
    { start: 5, end: 5 + CHUNK_BYTES },
    { start: CHUNK_BYTES - 1, end: 3 * CHUNK_BYTES + 1 },
    { start: bytes.length - 1, end: bytes.length },
    { start: 7, end: 7 },
    { start: bytes.length, end: bytes.length },
  ]) {
    it(`yields bytes ${range.start} to ${range.end}`, async () => {
      const chunks = await Array.fromAsync(read(range), (chunk) => chunk.slice())
      assert.ok(Buffer.concat(chunks).equals(bytes.subarray(range.start, range.end)))
      assert.ok(chunks.every((chunk) => chunk.length > 0 && chunk.length <= CHUNK_BYTES))
    })
  }

  for (const range of [
    { start: 0, end: bytes.length + 1 },
    { start: bytes.length + 1, end: bytes.length + 1 },
    { start: -1, end: 1 },
    { start: 2, end: 1 },
    { start: 0.5, end: 1 },
    { start: Number.NaN, end: 1 },
  ]) {
    it(`rejects with ERR_RANGE_UNSATISFIABLE for bytes ${range.start} to ${range.end}`, async () => {
      await assert.rejects(read(range).next(), RangeUnsatisfiableError)
    })
  }

  describe('lending', () => {
    it('leaves a chunk as it is until the iterator has been advanced twice more', async () => {
      let previous: Uint8Array | undefined
      let offset = 0
      for await (const chunk of read({ start: 0, end: bytes.length })) {
        if (previous !== undefined) {
          assert.ok(bytes.subarray(offset - previous.length, offset).equals(previous), `before ${offset}`)
        }
        previous = chunk
        offset += chunk.length
      }
    })

    it('never reuses the memory of the last chunk, nor of what a reader held when it stopped', async () => {
      const whole = await Array.fromAsync(read({ start: 0, end: bytes.length }))
      const stopped: Uint8Array[] = []
      for await (const chunk of read({ start: 0, end: bytes.length })) {
        if (stopped.push(chunk) === 2) break
      }
      await Array.fromAsync(read({ start: 100, end: bytes.length }))
      assert.ok(bytes.subarray(-MIN_CHUNK_BYTES).equals(whole.at(-1)!))
      const held = Buffer.concat(stopped)
      assert.ok(bytes.subarray(0, held.length).equals(held))
    })

    it('uses two large buffers a reader, and the same ones for the next reader', async () => {
      const memory = new Set<unknown>()
      for (let round = 0; round < 20; round++) {
        const end = bytes.length - 1
        for await (const chunk of read({ start: round, end })) {
          if (chunk.length === CHUNK_BYTES) memory.add(chunk.buffer)
        }
      }
      assert.equal(memory.size, 2)
    })

    it('takes hardly more memory for very many readers than for some', async () => {
      const range = { start: 0, end: bytes.length }
      const readers = Array.from({ length: 100 }, () => read(range))
      const counts = readers.map(() => 0)
      for (let left = readers.length; left > 0;) {
        for (const [index, reader] of readers.entries()) {
          const { value } = await reader.next()
          counts[index]! += value?.length ?? 0
        }
        const [first = 0] = counts
        if (first > 2 * CHUNK_BYTES) assert.ok(pool.bytes <= POOL_BYTES, `${pool.bytes} bytes`)
        left = counts.filter((count) => count < bytes.length).length
      }
      assert.ok(counts.every((count) => count === bytes.length))
    })

    it('yields what is in memory as it is, and no further', async () => {
      const held = bytes.subarray(100, 200)
      const source = sourceOf({
        inMemory: (offset, end) =>
          offset >= 100 && offset < 200 ? bytes.subarray(offset, Math.min(end, 200)) : undefined,
        readableEnd: (offset, limit) => Promise.resolve(offset < 100 ? Math.min(limit, 100) : limit),
      })
      const chunks = await Array.fromAsync(readRange(source, pool, { start: 90, end: 300 }, undefined))
      assert.deepEqual(
        chunks.map((chunk) => chunk.length),
        [10, 100, 100],
      )
      assert.equal(chunks[1]?.buffer, held.buffer)
      assert.ok(bytes.subarray(90, 300).equals(Buffer.concat(chunks)))
    })

    it('takes no more memory for a small range than it has bytes', async () => {
      const [chunk] = await Array.fromAsync(read({ start: 10, end: 14 }))
      assert.equal(chunk?.buffer.byteLength, 4)
    })
  })

  describe('abort', () => {
    const reason = new Error('client gone')

    it('rejects with the reason before the first chunk', async () => {
      await assert.rejects(
        read({ start: 0, end: 10 }, AbortSignal.abort(reason)).next(),
        (error) => error === reason,
      )
    })

    it('rejects with the reason between two chunks, and yields nothing more', async () => {
      const controller = new AbortController()
      const chunks = read({ start: 0, end: bytes.length }, controller.signal)
      await chunks.next()
      controller.abort(reason)
      await assert.rejects(chunks.next(), (error) => error === reason)
      assert.deepEqual(await chunks.next(), { done: true, value: undefined })
    })

    it('rejects with the reason when it comes while the disk is being read', async () => {
      const controller = new AbortController()
      const chunk = read({ start: 0, end: bytes.length }, controller.signal).next()
      controller.abort(reason)
      await assert.rejects(chunk, (error) => error === reason)
    })
  })

  it('throws the error of the source when the file ends early', async () => {
    const source = sourceOf({ sizeBytes: bytes.length + 10 })
    const chunks = readRange(source, pool, { start: 0, end: bytes.length + 1 }, undefined)
    await assert.rejects(Array.fromAsync(chunks), new RegExp(`ended at ${bytes.length}`))
  })

  it('hands out no chunk that was read before the source went bad', async () => {
    const source = sourceOf({
      beforeChunk() {
        throw new Error('bad')
      },
    })
    await assert.rejects(readRange(source, pool, { start: 0, end: 10 }, undefined).next(), /bad/)
  })

  it('lets the source decide when an empty blob is known to be empty', async () => {
    const gate = Promise.withResolvers<number>()
    const source = sourceOf({ sizeBytes: 0, readableEnd: () => gate.promise })
    const chunk = readRange(source, pool, { start: 0, end: 0 }, undefined).next()
    gate.reject(new Error('not empty'))
    await assert.rejects(chunk, /not empty/)
  })
})
