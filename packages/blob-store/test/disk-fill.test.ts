import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import {
  BlobCorruptError,
  FillEndedError,
  FillWriteError,
  RangeUnsatisfiableError,
} from '@layermesh/interface'
import { digestOf } from '@layermesh/oci'
import { isPending, readAll } from './support/blob-actions.ts'
import { holdingWrites, refusingWrites } from './support/fill-on-disk.ts'
import { useFills } from './support/use-fills.ts'

const bytes = Buffer.from('0123456789abcdefghijKLMNOPQRST----')
const pieceBytes = 10
const lastStart = 30

describe('DiskFill', () => {
  const { start, folder } = useFills(bytes, pieceBytes)

  describe('write', () => {
    it('makes bytes readable at once, except those of the last piece', async () => {
      const { fill, open, write } = await start()
      const reader = open().read()[Symbol.asyncIterator]()
      const first = reader.next()
      await write(0, 4)
      assert.deepEqual(Buffer.from((await first).value as Uint8Array), bytes.subarray(0, 4))
      await write(4, bytes.length - 1)
      assert.equal(((await reader.next()).value as Uint8Array).length, lastStart - 4)
      const last = reader.next()
      assert.ok(await isPending(last))
      await write(bytes.length - 1, bytes.length)
      assert.deepEqual(Buffer.from((await last).value as Uint8Array), bytes.subarray(lastStart, -1))
      assert.deepEqual(Buffer.from((await reader.next()).value as Uint8Array), bytes.subarray(-1))
      await fill.commit()
    })

    it('holds back a blob of one piece as a whole', async () => {
      const { fill, open, write } = await start({ pieceBytes: 100 })
      const content = readAll(open())
      await write(0, bytes.length - 1)
      assert.ok(await isPending(content))
      assert.equal(fill.exposed, false)
      await write(bytes.length - 1, bytes.length)
      assert.deepEqual(await content, bytes)
      assert.equal(fill.exposed, true)
      await fill.commit()
    })

    it('holds back the last piece of what has another digest', async () => {
      const { fill, open } = await start()
      const wrong = Buffer.from(bytes.toString().replace('T', 't'))
      const content = readAll(open())
      const last = readAll(open(), { start: lastStart, end: bytes.length })
      await fill.write(0, wrong)
      assert.ok(await isPending(last))
      const outcomes = Promise.allSettled([content, last])
      await assert.rejects(fill.commit(), BlobCorruptError)
      for (const { status } of await outcomes) assert.equal(status, 'rejected')
    })

    it('lets readers have bytes before the disk has them', async () => {
      const disk = holdingWrites()
      const { fill, open, write } = await start({ wrapFile: disk.wrapFile })
      const content = readAll(open())
      const before = readAll(open(), { start: 2, end: 8 })
      const written = write(0, bytes.length)
      assert.deepEqual(await content, bytes)
      assert.deepEqual(await before, bytes.subarray(2, 8))
      assert.ok(await isPending(written))
      disk.release()
      await written
      await fill.commit()
    })

    it('takes what is in the file from there, and what is under way from memory', async () => {
      const disk = holdingWrites()
      const { fill, open, write } = await start({ wrapFile: disk.wrapFile })
      const first = Promise.all([write(0, 5), write(20, 30)])
      disk.release()
      await first
      disk.hold()
      const written = write(5, 20)
      assert.deepEqual(await readAll(open(), { start: 1, end: 29 }), bytes.subarray(1, 29))
      disk.release()
      await written
      await write(30, 34)
      await fill.commit()
    })

    it('takes writes in their order when they are not awaited one by one', async () => {
      const { fill, write } = await start()
      await Promise.all([write(0, 3), write(20, 25), write(3, 12), write(12, 20), write(25, 34)])
      assert.equal(fill.firstMissing(), undefined)
      await fill.commit()
    })

    it('rejects with a RangeError, and changes nothing, where the piece is not written up to', async () => {
      const { fill, write } = await start()
      await write(0, 4)
      await assert.rejects(write(5, 6), RangeError)
      await assert.rejects(write(0, 4), RangeError)
      assert.deepEqual(fill.firstMissing(), { start: 4, end: 34 })
      await write(4, 34)
      await fill.commit()
    })

    it('rejects the second of two writes to the same place that are under way at once', async () => {
      const { fill, write } = await start()
      const outcomes = await Promise.allSettled([write(0, 5), fill.write(0, Buffer.from('wrong'))])
      assert.deepEqual(
        outcomes.map(({ status }) => status),
        ['fulfilled', 'rejected'],
      )
      await write(5, 34)
      await fill.commit()
    })

    it('rejects with ERR_FILL_WRITE and its cause when the disk is full', async () => {
      const { fill, write, open } = await start({ wrapFile: refusingWrites(1) })
      await write(0, 4)
      const error = await write(4, 20).catch((reason: unknown) => reason)
      assert.ok(error instanceof FillWriteError)
      assert.match(error.message, /no space left on device/)
      assert.equal((error.cause as NodeJS.ErrnoException).code, 'ENOSPC')
      // The bytes have been hashed: if they came once more, the digest would be wrong.
      await assert.rejects(write(20, 34), error)
      const [content] = await Promise.allSettled([readAll(open()), fill.fail(error)])
      assert.equal(content.status === 'rejected' && content.reason, error)
      assert.deepEqual(await readdir(folder()), [])
    })
  })

  describe('pieceHash', () => {
    it('is there as soon as the piece is complete', async () => {
      const { fill, write } = await start()
      await write(10, 19)
      assert.equal(fill.pieceHash(1), undefined)
      await write(19, 20)
      const expected = createHash('sha256').update(bytes.subarray(10, 20)).digest()
      assert.deepEqual(Buffer.from(fill.pieceHash(1)!), expected)
      assert.equal(fill.pieceHash(0), undefined)
      await fill.fail(new Error('over'))
    })

    it('does not wait for the disk', async () => {
      const disk = holdingWrites()
      const { fill, write } = await start({ wrapFile: disk.wrapFile })
      const written = write(0, 10)
      await fill.whenWritten({ start: 0, end: 10 })
      assert.notEqual(fill.pieceHash(0), undefined)
      disk.release()
      await written
      await fill.fail(new Error('over'))
    })
  })

  describe('whenWritten', () => {
    it('waits for exactly its range, in whatever order the bytes come', async () => {
      const { fill, write } = await start()
      const written = fill.whenWritten({ start: 5, end: 25 })
      await write(20, 26)
      await write(0, 10)
      await write(10, 19)
      assert.ok(await isPending(written))
      await write(19, 20)
      await written
      await fill.fail(new Error('over'))
    })

    it('does not wait for the verification of the last piece', async () => {
      const { fill, write } = await start()
      await write(30, 34)
      await fill.whenWritten({ start: 30, end: 34 })
      await fill.whenWritten({ start: 34, end: 34 })
      await fill.fail(new Error('over'))
    })

    it('rejects when the fill fails, the range is outside, or the signal is aborted', async () => {
      const { fill } = await start()
      const controller = new AbortController()
      const gone = new Error('gone')
      const over = new Error('over')
      const aborted = fill.whenWritten({ start: 0, end: 5 }, { signal: controller.signal })
      const failed = fill.whenWritten({ start: 0, end: 5 })
      controller.abort(gone)
      await assert.rejects(aborted, (error) => error === gone)
      await assert.rejects(fill.whenWritten({ start: 0, end: 35 }), RangeUnsatisfiableError)
      const [outcome] = await Promise.allSettled([failed, fill.fail(over)])
      assert.equal(outcome.status === 'rejected' && outcome.reason, over)
      await assert.rejects(fill.whenWritten({ start: 0, end: 5 }), (error) => error === over)
    })
  })

  describe('commit', () => {
    it('publishes the verified file with the hashes of its pieces', async () => {
      const { fill, write, published } = await start()
      await write(10, 34)
      await write(0, 10)
      const stat = await fill.commit()
      assert.deepEqual(stat, { digest: digestOf(bytes), sizeBytes: bytes.length, pieceBytes })
      assert.equal(published.length, 1)
      assert.deepEqual(published[0]?.stat, stat)
      assert.deepEqual(
        published[0].pieceHashes.map((hash) => Buffer.from(hash)),
        [0, 10, 20, 30].map((from) =>
          createHash('sha256')
            .update(bytes.subarray(from, from + 10))
            .digest(),
        ),
      )
    })

    it('verifies sha512 too', async () => {
      const { fill, write } = await start({ digest: digestOf(bytes, 'sha512') })
      await write(0, 34)
      assert.match((await fill.commit()).digest, /^sha512:/)
    })

    it('lets readers have the last piece once it is verified, before it is on disk for good', async () => {
      const gate = Promise.withResolvers<undefined>()
      const { fill, write, open } = await start({ publish: () => gate.promise.then(() => {}) })
      await write(0, 34)
      const committed = fill.commit()
      assert.deepEqual(await readAll(open()), bytes)
      assert.ok(await isPending(committed))
      gate.resolve(undefined)
      await committed
    })

    it('rejects with ERR_BLOB_CORRUPT, removes the file and fails readers when the digest is wrong', async () => {
      const { fill, write, open } = await start({ digest: digestOf(Buffer.from('other')) })
      const whole = readAll(open())
      const tail = readAll(open(), { start: 31, end: 33 })
      await write(0, 34)
      const outcomes = await Promise.allSettled([fill.commit(), whole, tail])
      for (const outcome of outcomes) {
        assert.ok(outcome.status === 'rejected' && outcome.reason instanceof BlobCorruptError)
      }
      assert.deepEqual(await readdir(folder()), [])
    })

    it('rejects with ERR_FILL_WRITE and removes the file when it can not be published; readers finish', async () => {
      const { fill, write, open } = await start({ publish: () => Promise.reject(new Error('EIO')) })
      await write(0, 33)
      await using handle = open()
      const reader = handle.read({ start: 0, end: 34 })[Symbol.asyncIterator]()
      await reader.next()
      await write(33, 34)
      await assert.rejects(fill.commit(), FillWriteError)
      assert.equal((await reader.next()).done, false, 'the bytes are right, wherever they are kept')
      assert.equal((await reader.next()).done, true)
      assert.deepEqual(await readdir(folder()), [])
    })

    it('rejects with a RangeError, and the fill goes on, while bytes are missing', async () => {
      const { fill, write } = await start()
      await write(0, 33)
      await assert.rejects(fill.commit(), RangeError)
      await write(33, 34)
      await fill.commit()
    })

    it('rejects with ERR_FILL_ENDED the second time, also while the first is under way', async () => {
      const { fill, write } = await start()
      await write(0, 34)
      const [first, second] = await Promise.allSettled([fill.commit(), fill.commit()])
      assert.equal(first.status, 'fulfilled')
      assert.ok(second.status === 'rejected' && second.reason instanceof FillEndedError)
      await assert.rejects(fill.commit(), FillEndedError)
    })
  })

  describe('an empty blob', () => {
    const empty = Buffer.alloc(0)

    it('has nothing missing and is committed when its digest is that of no bytes', async () => {
      const { fill, open } = await start({}, empty)
      assert.equal(fill.firstMissing(), undefined)
      const content = readAll(open())
      assert.ok(await isPending(content))
      await fill.commit()
      assert.equal((await content).length, 0)
    })

    it('fails its readers when its digest is another', async () => {
      const { fill, open } = await start({ digest: digestOf(bytes) }, empty)
      const outcomes = await Promise.allSettled([readAll(open()), fill.commit()])
      for (const outcome of outcomes) {
        assert.ok(outcome.status === 'rejected' && outcome.reason instanceof BlobCorruptError)
      }
    })
  })

  describe('fail', () => {
    it('rejects readers that wait and readers in the middle with its reason, and removes the file', async () => {
      const { fill, write, open } = await start()
      const reason = new Error('all sources failed')
      await write(0, 20)
      const handle = open()
      const middle = handle.read()[Symbol.asyncIterator]()
      await middle.next()
      const waiting = readAll(open(), { start: 20, end: 21 })
      const [waited] = await Promise.allSettled([waiting, fill.fail(reason)])
      assert.equal(waited.status === 'rejected' && waited.reason, reason)
      await assert.rejects(middle.next(), (error) => error === reason)
      await assert.rejects(readAll(handle, { start: 0, end: 5 }), (error) => error === reason)
      assert.deepEqual(await readdir(folder()), [])
    })

    it('hands out no byte that was being read when it came', async () => {
      const { fill, write, open } = await start()
      await write(0, 20)
      const chunk = open().read()[Symbol.asyncIterator]().next()
      const [read] = await Promise.allSettled([chunk, fill.fail(new Error('over'))])
      assert.equal(read.status, 'rejected')
      assert.equal(fill.exposed, false)
    })

    it('rejects writes that were not begun and lets the one under way end', async () => {
      const { fill, write } = await start()
      const writes = Promise.allSettled([write(0, 5), write(5, 34)])
      await fill.fail(new Error('over'))
      for (const outcome of await writes) {
        assert.ok(outcome.status === 'rejected' && outcome.reason instanceof FillEndedError)
      }
    })

    it('does nothing after the end, so that a caller may call it in a finally', async () => {
      const { fill, write, published } = await start()
      await write(0, 34)
      const [committed] = await Promise.allSettled([fill.commit(), fill.fail(new Error('late'))])
      assert.equal(committed.status, 'fulfilled')
      await fill.fail(new Error('later'))
      assert.equal(published.length, 1)
      assert.deepEqual(await readdir(folder()), ['fill-' + digestOf(bytes).slice(-8) + '.part'])
    })

    it('makes everything that writes or opens reject with ERR_FILL_ENDED', async () => {
      const { fill, write } = await start()
      await fill.fail(new Error('over'))
      await assert.rejects(write(0, 1), FillEndedError)
      await assert.rejects(fill.commit(), FillEndedError)
      assert.throws(() => fill.open(), FillEndedError)
    })
  })
})
