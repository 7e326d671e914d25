import assert from 'node:assert/strict'
import { setImmediate } from 'node:timers/promises'

import { type BlobHandle, ContentUnavailableError } from '@layermesh/interface'
import { digestOf } from '@layermesh/oci'
import { seededBytes } from '@layermesh/testkit'

import { HELD_BACK_BYTES, PassingFill, WINDOW_BYTES } from '../src/passing-fill.ts'
import { collect } from './support/test-cluster.ts'

const MiB = 1024 * 1024
const BYTES = seededBytes('passing', 8 * MiB + 5)
const DIGEST = digestOf(BYTES)

const start = (signal = new AbortController().signal) =>
  PassingFill.start({ digest: DIGEST, sizeBytes: BYTES.length, signal })

/** Whether `promise` is still pending when everything that could settle it has run. */
async function isPending(promise: Promise<unknown>): Promise<boolean> {
  let isSettled = false
  promise.then(
    () => (isSettled = true),
    () => (isSettled = true),
  )
  for (let turn = 0; turn < 10; turn += 1) await setImmediate()
  return !isSettled
}

describe('PassingFill', () => {
  it('passes everything to its reader', async () => {
    const fill = await start()
    const reading = collect(fill.open().read())
    await fill.write(0, BYTES)
    await fill.commit()
    assert.deepEqual(await reading, BYTES)
  })

  it('holds no more than the window, and lets the writer wait', async () => {
    const fill = await start()
    const chunks = fill.open().read()[Symbol.asyncIterator]()
    await fill.write(0, BYTES.subarray(0, WINDOW_BYTES))
    const writing = fill.write(WINDOW_BYTES, BYTES.subarray(WINDOW_BYTES, WINDOW_BYTES + 1))
    assert.equal(await isPending(writing), true)
    await chunks.next()
    await writing
  })

  it('holds the last bytes back until the digest is right', async () => {
    const fill = await start()
    let readBytes = 0
    const reading = (async () => {
      for await (const chunk of fill.open().read()) readBytes += chunk.length
    })()
    await fill.write(0, BYTES)
    assert.equal(await isPending(reading), true)
    assert.equal(readBytes, BYTES.length - HELD_BACK_BYTES)
    await fill.commit()
    await reading
    assert.equal(readBytes, BYTES.length)
  })

  it('rejects its reader when the digest is wrong', async () => {
    const fill = await start()
    const reading = collect(fill.open().read())
    const rejected = assert.rejects(reading, { code: 'ERR_BLOB_CORRUPT' })
    await fill.write(0, Buffer.from(BYTES).fill(0, 10, 20))
    await assert.rejects(fill.commit(), { code: 'ERR_BLOB_CORRUPT' })
    await rejected
  })

  it('says nothing of an empty blob before its digest is right', async () => {
    const digest = digestOf(Buffer.from('not empty'))
    const fill = await PassingFill.start({ digest, sizeBytes: 0, signal: new AbortController().signal })
    const reading = collect(fill.open().read())
    assert.equal(await isPending(reading), true)
    const rejected = assert.rejects(reading, { code: 'ERR_BLOB_CORRUPT' })
    await assert.rejects(fill.commit(), { code: 'ERR_BLOB_CORRUPT' })
    await rejected
  })

  it('has one reader, who reads once', async () => {
    const fill = await start()
    const handle = fill.open()
    assert.equal(fill.isTaken, true)
    assert.throws(() => fill.open(), { code: 'ERR_FILL_ENDED' })
    const reading = collect(handle.read())
    await assert.rejects(collect(handle.read()), { code: 'ERR_CONTENT_UNAVAILABLE' })
    await fill.write(0, BYTES)
    await fill.commit()
    assert.equal((await reading).length, BYTES.length)
  })

  it('lets no writer wait when its reader has gone', async () => {
    const fill = await start()
    const handle = fill.open()
    const writing = assert.rejects(fill.write(0, BYTES), { code: 'ERR_FILL_ENDED' })
    await handle[Symbol.asyncDispose]()
    await writing
    await assert.rejects(fill.commit(), { code: 'ERR_FILL_ENDED' })
  })

  it('ends with its signal', async () => {
    const controller = new AbortController()
    const fill = await start(controller.signal)
    const reading = assert.rejects(collect(fill.open().read()), /stopping/)
    const writing = assert.rejects(fill.write(0, BYTES.subarray(0, 4 * MiB)), { code: 'ERR_FILL_ENDED' })
    controller.abort(new Error('stopping'))
    await reading
    await writing
  })

  it('lets a reader stop waiting', async () => {
    const fill = await start()
    const controller = new AbortController()
    const reading = collect(fill.open().read(undefined, { signal: controller.signal }))
    controller.abort(new Error('enough'))
    await assert.rejects(reading, /enough/)
  })

  it('takes bytes in order only', async () => {
    const fill = await start()
    await assert.rejects(fill.write(1, BYTES.subarray(0, 1)), RangeError)
  })

  describe('with a prefix', () => {
    const handleOf = (bytes: Uint8Array): BlobHandle => ({
      digest: DIGEST,
      sizeBytes: BYTES.length,
      async *read(range = { start: 0, end: BYTES.length }) {
        if (range.end > bytes.length) throw new ContentUnavailableError('no more')
        yield bytes.subarray(range.start, range.end)
      },
      async [Symbol.asyncDispose]() {},
    })
    const startAfter = (bytes: Uint8Array, end: number) =>
      PassingFill.start({
        digest: DIGEST,
        sizeBytes: BYTES.length,
        signal: new AbortController().signal,
        prefix: { handle: handleOf(bytes), end },
      })

    it('passes the rest, and verifies the whole', async () => {
      const end = 3 * MiB + 1
      const fill = await startAfter(BYTES, end)
      assert.deepEqual(fill.firstMissing(), { start: end, end: BYTES.length })
      const reading = collect(fill.open().read({ start: end, end: BYTES.length }))
      await fill.write(end, BYTES.subarray(end))
      await fill.commit()
      assert.deepEqual(await reading, BYTES.subarray(end))
    })

    it('finds out that the prefix was wrong', async () => {
      const fill = await startAfter(Buffer.alloc(BYTES.length), 3 * MiB)
      const reading = assert.rejects(collect(fill.open().read({ start: 3 * MiB, end: BYTES.length })), {
        code: 'ERR_BLOB_CORRUPT',
      })
      await fill.write(3 * MiB, BYTES.subarray(3 * MiB))
      await assert.rejects(fill.commit(), { code: 'ERR_BLOB_CORRUPT' })
      await reading
    })

    it('can not start when the prefix can not be read', async () => {
      await assert.rejects(startAfter(BYTES.subarray(0, MiB), 2 * MiB), { code: 'ERR_CONTENT_UNAVAILABLE' })
    })
  })
})
