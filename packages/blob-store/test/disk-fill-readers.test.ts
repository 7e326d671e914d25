import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { FillEndedError } from '@layermesh/interface'
import { seededBytes } from '@layermesh/testkit'
import { BufferPool, CHUNK_BYTES } from '../src/buffer-pool.ts'
import { isPending, readAll } from './support/blob-actions.ts'
import { useFills } from './support/use-fills.ts'

const bytes = Buffer.from('0123456789abcdefghijKLMNOPQRST----')
const pieceBytes = 10

describe('the readers of a DiskFill', () => {
  const { start } = useFills(bytes, pieceBytes)

  it('hold no more memory than two chunks when they stop taking them, however much is written', async () => {
    const content = seededBytes('slow', 12 * CHUNK_BYTES)
    const pool = new BufferPool()
    const { fill, write, open } = await start({ pieceBytes: CHUNK_BYTES, pool }, content)
    await write(0, 2 * CHUNK_BYTES)
    const slow = Array.from({ length: 8 }, () => open().read()[Symbol.asyncIterator]())
    let readBytes = 0
    for (const reader of slow) readBytes = ((await reader.next()).value as Uint8Array).length
    const fast = readAll(open())
    await write(2 * CHUNK_BYTES, content.length)
    await fill.commit()
    assert.ok(content.equals(await fast))
    assert.ok(pool.bytes <= (slow.length + 2) * CHUNK_BYTES)
    for (const reader of slow) {
      const second = (await reader.next()).value as Uint8Array
      assert.ok(content.subarray(readBytes, readBytes + second.length).equals(second))
    }
    assert.ok(pool.bytes <= (2 * slow.length + 2) * CHUNK_BYTES)
  })

  it('wait for exactly the bytes that they need', async () => {
    const { fill, write, open } = await start()
    const early = readAll(open(), { start: 2, end: 8 })
    const late = readAll(open(), { start: 22, end: 28 })
    await write(20, 28)
    assert.deepEqual(await late, bytes.subarray(22, 28))
    assert.ok(await isPending(early))
    await write(0, 8)
    assert.deepEqual(await early, bytes.subarray(2, 8))
    await fill.fail(new Error('over'))
  })

  it('go on after the commit, and after the fill has let go of the file', async () => {
    const { fill, write, open } = await start()
    const handle = open()
    await write(0, 34)
    await fill.commit()
    assert.throws(() => fill.open(), FillEndedError)
    assert.deepEqual(await readAll(handle), bytes)
    assert.deepEqual(await readAll(handle, { start: 31, end: 32 }), bytes.subarray(31, 32))
  })

  it('leave nothing behind when they are aborted while they wait', async () => {
    const { fill, write, open } = await start()
    const handle = open()
    const controller = new AbortController()
    const reason = new Error('client gone')
    const readers = Array.from({ length: 50 }, (_, from) =>
      readAll(handle, { start: from % 30, end: 34 }, { signal: controller.signal }),
    )
    const outcomes = Promise.allSettled(readers)
    await write(0, 15)
    controller.abort(reason)
    for (const outcome of await outcomes) {
      assert.equal(outcome.status === 'rejected' && outcome.reason, reason)
    }
    assert.equal(getEventListeners(controller.signal, 'abort').length, 0)
    await write(15, 34)
    await fill.commit()
    assert.deepEqual(await readAll(handle), bytes)
  })

  it('do not hold the writer or each other up when they stop taking chunks', async () => {
    const { fill, write, open } = await start()
    await write(0, 5)
    const slow = open().read()[Symbol.asyncIterator]()
    await slow.next()
    const fast = readAll(open())
    await write(5, 34)
    await fill.commit()
    assert.deepEqual(await fast, bytes)
    assert.deepEqual(Buffer.from((await slow.next()).value as Uint8Array), bytes.subarray(5))
  })

  it('may dispose of a handle twice, and of one handle without closing another', async () => {
    const { fill, write, open } = await start()
    const first = open()
    const second = open()
    await write(0, 34)
    await fill.commit()
    await first[Symbol.asyncDispose]()
    await first[Symbol.asyncDispose]()
    assert.deepEqual(await readAll(second), bytes)
  })
})
