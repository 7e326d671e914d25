import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { FillEndedError, FillWriteError } from '@layermesh/interface'
import { digestOf } from '@layermesh/oci'
import { readAll } from './support/blob-actions.ts'
import { refusingWrites } from './support/fill-on-disk.ts'
import { useFills } from './support/use-fills.ts'

const bytes = Buffer.from('0123456789abcdefghijKLMNOPQRST----')
const pieceBytes = 10

describe('DiskFill that ends early', () => {
  const { start, folder } = useFills(bytes, pieceBytes)

  describe('fail with ERR_FILL_WRITE', () => {
    it('lets handles read what was readable by then, though the file is gone', async () => {
      const { fill, write, open } = await start({ wrapFile: refusingWrites(1) })
      const handle = open()
      const middle = handle.read()[Symbol.asyncIterator]()
      const waiting = readAll(open(), { start: 5, end: 21 })
      await write(0, 14)
      const error = await write(14, 20).catch((reason: unknown) => reason as Error)
      assert.ok(error instanceof FillWriteError)
      const [waited] = await Promise.allSettled([waiting, fill.fail(error)])
      assert.equal(waited.status === 'rejected' && waited.reason, error)
      assert.deepEqual(await readdir(folder()), [])
      // What the disk has refused has come all the same, and is still in memory.
      assert.deepEqual(await readAll(handle, { start: 3, end: 20 }), bytes.subarray(3, 20))
      assert.deepEqual(Buffer.from((await middle.next()).value as Uint8Array), bytes.subarray(0, 14))
      assert.deepEqual(Buffer.from((await middle.next()).value as Uint8Array), bytes.subarray(14, 20))
      await assert.rejects(middle.next(), (reason) => reason === error)
      await fill.whenWritten({ start: 3, end: 20 })
      await assert.rejects(fill.whenWritten({ start: 3, end: 21 }), (reason) => reason === error)
    })

    it('lets readers finish when it is the last bytes that the disk refuses', async () => {
      const { fill, write, open } = await start({ wrapFile: refusingWrites(1) })
      const content = readAll(open())
      await write(0, 14)
      const error = await write(14, 34).catch((reason: unknown) => reason as Error)
      assert.ok(error instanceof FillWriteError)
      await assert.rejects(fill.commit(), (reason) => reason === error)
      assert.deepEqual(await content, bytes)
      assert.deepEqual(await readdir(folder()), [])
    })
  })

  describe('pause', () => {
    const reason = new Error('paused')

    it('keeps the files, and tells which pieces there are', async () => {
      const { fill, files, write, kept } = await start()
      await write(10, 34)
      await fill.pause(reason)
      assert.deepEqual(kept, [
        { blob: { digest: fill.digest, sizeBytes: bytes.length, pieceBytes }, files, pieces: 3 },
      ])
      assert.equal((await readdir(folder())).length, 2)
    })

    it('rejects readers that wait with its reason, and lets handles read what was readable by then', async () => {
      const { fill, write, open } = await start()
      const handle = open()
      const waiting = readAll(open(), { start: 12, end: 20 })
      await write(0, 15)
      await write(30, 34)
      const [waited] = await Promise.allSettled([waiting, fill.pause(reason)])
      assert.equal(waited.status === 'rejected' && waited.reason, reason)
      assert.deepEqual(await readAll(handle, { start: 0, end: 15 }), bytes.subarray(0, 15))
      assert.equal(fill.exposed, true)
      await assert.rejects(readAll(handle, { start: 14, end: 16 }), (error) => error === reason)
      // The last piece is complete, but nobody knows whether the whole is right.
      await assert.rejects(readAll(handle, { start: 30, end: 31 }), (error) => error === reason)
      await fill.whenWritten({ start: 30, end: 34 })
    })

    it('takes no write that was not done, and lets the one under way end', async () => {
      const { fill, write, kept } = await start()
      await write(0, 10)
      const writes = Promise.allSettled([write(10, 20), write(20, 30)])
      await fill.pause(reason)
      for (const outcome of await writes) {
        assert.ok(outcome.status === 'rejected' && outcome.reason instanceof FillEndedError)
      }
      assert.equal(kept[0]?.pieces, 1)
      await assert.rejects(fill.whenWritten({ start: 10, end: 20 }), (error) => error === reason)
    })

    it('leaves nothing behind without a complete piece', async () => {
      const { fill, write, kept } = await start()
      await write(0, 9)
      await fill.pause(reason)
      assert.deepEqual(kept, [])
      assert.deepEqual(await readdir(folder()), [])
    })

    it('does nothing after another end, and makes a later one do nothing', async () => {
      const { fill, write, kept, published } = await start()
      await write(0, 34)
      const [committed] = await Promise.allSettled([fill.commit(), fill.pause(reason)])
      assert.equal(committed.status, 'fulfilled')
      const second = await start({ digest: digestOf(Buffer.from('other')) })
      await second.write(0, 34)
      await Promise.all([second.fill.pause(reason), second.fill.fail(new Error('late'))])
      assert.equal(second.kept.length, 1)
      assert.equal(kept.length, 0)
      assert.equal(published.length, 1)
      await assert.rejects(second.fill.commit(), FillEndedError)
      await assert.rejects(second.write(0, 1), FillEndedError)
      assert.throws(() => second.fill.open(), FillEndedError)
    })
  })
})
