import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdir, open, readdir, rm, stat, truncate, utimes, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import {
  BlobDamagedError,
  BlobNotFoundError,
  FillWriteError,
  RangeUnsatisfiableError,
  type BlobStore,
} from '@layermesh/interface'
import { digestOf } from '@layermesh/oci'
import { expectNoLeaks, seededBytes, takeResourceSnapshot, type ResourceSnapshot } from '@layermesh/testkit'
import {
  assertNoFillFiles,
  editIndex,
  listDigests,
  putBlob,
  readAll,
  readBlob,
} from './support/blob-actions.ts'
import { systemDisk } from '../src/disk.ts'
import { openTempStorage, type TempStorage } from './support/temp-storage.ts'

const MiB = 1024 * 1024
const small = Buffer.from('a small blob')
const large = seededBytes('large', 3 * MiB + 17)

describe('DiskBlobStore', () => {
  let before: ResourceSnapshot
  let temp: TempStorage
  let blobs: BlobStore

  beforeEach(async () => {
    before = await takeResourceSnapshot()
    temp = await openTempStorage()
    blobs = temp.current.blobs
  })
  afterEach(async () => {
    await temp[Symbol.asyncDispose]()
    await expectNoLeaks(before)
  })

  describe('stat', () => {
    it('knows a blob that was committed, and no other', async () => {
      const digest = await putBlob(blobs, large)
      assert.deepEqual(await blobs.stat(digest), { digest, sizeBytes: large.length, pieceBytes: MiB })
      assert.equal(await blobs.stat(digestOf(small)), undefined)
      assert.deepEqual(temp.current.totals(), { blobs: 1, bytes: large.length })
    })

    it('is not needed to tell what was committed and not removed', async () => {
      assert.equal(blobs.knows(digestOf(small)), false)
      const digest = await putBlob(blobs, small)
      assert.equal(blobs.knows(digest), true)
      await blobs.remove(digest, 'purged')
      assert.equal(blobs.knows(digest), false)
    })

    it('finds a file that the index does not know', async () => {
      const digest = digestOf(small)
      await mkdir(dirname(temp.layout.blobPath(digest)))
      await writeFile(temp.layout.blobPath(digest), small)
      const stats = await Promise.all(Array.from({ length: 8 }, () => blobs.stat(digest)))
      for (const found of stats) assert.deepEqual(found, { digest, sizeBytes: small.length, pieceBytes: MiB })
      assert.deepEqual(temp.current.totals(), { blobs: 1, bytes: small.length })
      assert.deepEqual(await readBlob(blobs, digest), small)
    })

    it('drops an entry whose file is gone', async () => {
      const digest = await putBlob(blobs, small)
      await rm(temp.layout.blobPath(digest))
      assert.equal(await blobs.stat(digest), undefined)
      assert.deepEqual(temp.current.totals(), { blobs: 0, bytes: 0 })
      assert.deepEqual(await listDigests(temp.current), [])
    })

    it('puts a file that is shorter than what was verified into quarantine', async () => {
      const digest = await putBlob(blobs, large)
      await truncate(temp.layout.blobPath(digest), 5)
      assert.equal(await blobs.stat(digest), undefined)
      assert.equal(await blobs.stat(digest), undefined)
      await assert.rejects(blobs.open(digest), BlobNotFoundError)
      await assert.rejects(stat(temp.layout.blobPath(digest)), /ENOENT/)
      assert.ok(temp.log.lines.includes('warn damaged blob quarantined'))
      assert.equal((await readdir(temp.layout.quarantine)).length, 1)
    })

    it('rethrows what is not about a missing file', async () => {
      const digest = digestOf(small)
      await writeFile(dirname(temp.layout.blobPath(digest)), 'a file where a folder should be')
      await assert.rejects(blobs.stat(digest), /ENOTDIR/)
    })
  })

  describe('open', () => {
    it('rejects with ERR_BLOB_NOT_FOUND for a blob that is not held', async () => {
      await assert.rejects(blobs.open(digestOf(small)), BlobNotFoundError)
    })

    it('reads any range, again and again', async () => {
      const digest = await putBlob(blobs, large)
      await using handle = await blobs.open(digest)
      assert.equal(handle.sizeBytes, large.length)
      assert.ok(large.equals(await readAll(handle)))
      for (const range of [
        { start: MiB - 1, end: 2 * MiB + 1 },
        { start: large.length - 1, end: large.length },
        { start: 3, end: 3 },
      ]) {
        assert.ok(large.subarray(range.start, range.end).equals(await readAll(handle, range)))
      }
    })

    it('rejects with ERR_RANGE_UNSATISFIABLE when the range ends beyond the size', async () => {
      const digest = await putBlob(blobs, small)
      await using handle = await blobs.open(digest)
      const range = { start: 0, end: small.length + 1 }
      await assert.rejects(readAll(handle, range), RangeUnsatisfiableError)
    })

    it('serves 64 readers at once', async () => {
      const digest = await putBlob(blobs, large)
      const contents = await Promise.all(Array.from({ length: 64 }, () => readBlob(blobs, digest)))
      assert.ok(contents.every((content) => large.equals(content)))
    })

    it('keeps a removed blob readable until the handle is disposed of', async () => {
      const digest = await putBlob(blobs, large)
      await using handle = await blobs.open(digest)
      await blobs.remove(digest, 'purged')
      assert.ok(large.equals(await readAll(handle)))
      await assert.rejects(blobs.open(digest), BlobNotFoundError)
    })

    it('rejects with ERR_BLOB_DAMAGED when the file is cut while it is read, and drops the blob', async () => {
      const digest = await putBlob(blobs, large)
      await using handle = await blobs.open(digest)
      const chunks = handle.read()[Symbol.asyncIterator]()
      await chunks.next()
      await truncate(temp.layout.blobPath(digest), MiB + 5)
      await assert.rejects(chunks.next(), BlobDamagedError)
      assert.deepEqual(await listDigests(temp.current), [])
      await putBlob(blobs, large)
      assert.ok(large.equals(await readBlob(blobs, digest)))
    })

    it('yields no byte of a piece that has rotted, and drops the blob', async () => {
      const digest = await putBlob(blobs, large)
      const removed: string[] = []
      blobs = (await temp.reopen(() => flipByte(temp.layout.blobPath(digest), MiB + 5))).blobs
      blobs.watch({ removed: (gone, reason) => removed.push(`${gone} ${reason}`) })
      await using handle = await blobs.open(digest)
      const chunks: Uint8Array[] = []
      const read = async () => {
        for await (const chunk of handle.read()) chunks.push(chunk.slice())
      }
      await assert.rejects(read(), BlobDamagedError)
      assert.deepEqual(Buffer.concat(chunks), large.subarray(0, MiB))
      assert.equal(await blobs.stat(digest), undefined)
      assert.deepEqual(removed, [`${digest} damaged`])
      assert.equal((await readdir(temp.layout.quarantine)).length, 1)
    })

    it('looks at each piece once after a start, whoever reads it', async () => {
      const digest = await putBlob(blobs, large)
      blobs = (await temp.reopen()).blobs
      const path = temp.layout.blobPath(digest)
      await utimes(path, 1000, 1000)
      await Promise.all([1, 2, 3].map(() => readBlob(blobs, digest)))
      await flipByte(path, 5)
      await utimes(path, 1000, 1000)
      // Only who reads it again could notice, and the time of the last change says that nothing has happened.
      assert.equal((await readBlob(blobs, digest)).length, large.length)
    })

    it('looks at a file again that has been changed while the daemon runs', async () => {
      const digest = await putBlob(blobs, large)
      assert.ok(large.equals(await readBlob(blobs, digest)))
      const path = temp.layout.blobPath(digest)
      await flipByte(path, large.length - 1)
      await utimes(path, 1, 1)
      await using handle = await blobs.open(digest)
      await assert.rejects(readAll(handle, { start: 3 * MiB, end: large.length }), BlobDamagedError)
    })

    it('does not drop the blob that has replaced a damaged one', async () => {
      const digest = await putBlob(blobs, large)
      await using handle = await blobs.open(digest)
      await truncate(temp.layout.blobPath(digest), 5)
      assert.equal(await blobs.stat(digest), undefined)
      await putBlob(blobs, large)
      await assert.rejects(readAll(handle), BlobDamagedError)
      assert.ok(large.equals(await readBlob(blobs, digest)))
    })
  })

  describe('startFill', () => {
    it('fills blobs of both algorithms, and the empty one', async () => {
      for (const bytes of [small, large, Buffer.alloc(0)]) {
        for (const algorithm of ['sha256', 'sha512'] as const) {
          const digest = digestOf(bytes, algorithm)
          const fill = await blobs.startFill(digest, bytes.length)
          await fill.write(0, bytes)
          await fill.commit()
          assert.ok(bytes.equals(await readBlob(blobs, digest)))
        }
      }
      await assertNoFillFiles(temp.layout)
      assert.equal(temp.current.totals().blobs, 6)
    })

    it('keeps the blob that is there when the same one is committed twice', async () => {
      const digest = digestOf(large)
      const fills = await Promise.all([1, 2].map(() => blobs.startFill(digest, large.length)))
      await using handle = fills[1]!.open()
      for (const fill of fills) await fill.write(0, large)
      await fills[0]!.commit()
      const { ino } = await stat(temp.layout.blobPath(digest))
      assert.deepEqual(await fills[1]!.commit(), await blobs.stat(digest))
      assert.equal((await stat(temp.layout.blobPath(digest))).ino, ino)
      assert.deepEqual(temp.current.totals(), { blobs: 1, bytes: large.length })
      assert.ok(large.equals(await readAll(handle)))
      await assertNoFillFiles(temp.layout)
    })

    it('lets a handle of the fill read on when the blob is removed after the commit', async () => {
      const fill = await blobs.startFill(digestOf(large), large.length)
      await using handle = fill.open()
      await fill.write(0, large)
      await fill.commit()
      await blobs.remove(fill.digest, 'purged')
      assert.ok(large.equals(await readAll(handle)))
    })

    it('syncs the folder of the blob, and the one above only when that folder is new', async () => {
      const synced: string[] = []
      await using recorded = await openTempStorage({
        disk: {
          ...systemDisk,
          async syncFolder(path) {
            await systemDisk.syncFolder(path)
            synced.push(path)
          },
        },
      })
      const contents = Array.from({ length: 1000 }, (_, index) => Buffer.from(`blob ${index}`))
      const [first, second] = [
        ...Map.groupBy(contents, (bytes) => digestOf(bytes).slice(0, 9)).values(),
      ].find((alike) => alike.length > 1)!
      const folder = dirname(recorded.layout.blobPath(digestOf(first!)))
      const syncedBy = async (bytes: Buffer) => {
        synced.length = 0
        await putBlob(recorded.current.blobs, bytes)
        return [...synced]
      }
      assert.deepEqual(await syncedBy(first!), [folder, dirname(folder)])
      assert.deepEqual(await syncedBy(second!), [folder])
      await recorded.reopen(async () => {
        synced.length = 0
      })
      // Else a folder that a crash has left could go with the power, and with it what is committed into it from now on.
      assert.ok(synced.includes(dirname(folder)))
    })

    it('fills many blobs at once', async () => {
      const contents = Array.from({ length: 40 }, (_, index) => seededBytes(`blob ${index}`, 1000 * index))
      const digests = await Promise.all(contents.map((bytes) => putBlob(blobs, bytes)))
      assert.deepEqual(await listDigests(temp.current), digests.toSorted())
      for (const [index, digest] of digests.entries()) {
        assert.ok(contents[index]!.equals(await readBlob(blobs, digest)))
      }
    })

    it('leaves no blob and no file when the bytes are wrong', async () => {
      const fill = await blobs.startFill(digestOf(small), large.length)
      await fill.write(0, large)
      await assert.rejects(fill.commit(), { code: 'ERR_BLOB_CORRUPT' })
      assert.equal(await blobs.stat(digestOf(small)), undefined)
      await assertNoFillFiles(temp.layout)
    })

    it('rejects with ERR_FILL_WRITE when the file can not be created', async () => {
      await rm(temp.layout.fills, { recursive: true })
      await assert.rejects(blobs.startFill(digestOf(small), 1), FillWriteError)
    })

    it('rejects with ERR_FILL_WRITE a size that no file can have', async () => {
      await assert.rejects(blobs.startFill(digestOf(small), Number.MAX_SAFE_INTEGER), FillWriteError)
    })
  })

  describe('pieceTable', () => {
    const expected = [0, 1, 2, 3].map((index) =>
      createHash('sha256')
        .update(large.subarray(index * MiB, (index + 1) * MiB))
        .digest('hex'),
    )
    const hexOf = (hashes: readonly Uint8Array[]) => hashes.map((hash) => Buffer.from(hash).toString('hex'))

    it('is there after a commit', async () => {
      const digest = await putBlob(blobs, large)
      const table = await blobs.pieceTable(digest)
      assert.equal(table.pieceBytes, MiB)
      assert.deepEqual(hexOf(table.hashes), expected)
    })

    it('is made from the file when the index has lost it, and kept', async () => {
      const digest = await putBlob(blobs, large)
      blobs = (await temp.reopen(() => rm(temp.layout.index, { recursive: true }))).blobs
      const tables = await Promise.all([1, 2, 3].map(() => blobs.pieceTable(digest)))
      for (const table of tables) assert.deepEqual(hexOf(table.hashes), expected)
      // Wrong bytes would be noticed if the file were read again.
      const damage = () => writeFile(temp.layout.blobPath(digest), Buffer.alloc(large.length))
      blobs = (await temp.reopen(damage)).blobs
      assert.deepEqual(hexOf((await blobs.pieceTable(digest)).hashes), expected)
    })

    it('rejects with ERR_BLOB_DAMAGED when it is lost and the file is wrong, and drops the blob', async () => {
      const digest = await putBlob(blobs, large)
      const damage = async () => {
        await editIndex(temp.layout, (db) => db.sublevel('pieces').del(digest))
        await writeFile(temp.layout.blobPath(digest), Buffer.alloc(large.length))
      }
      blobs = (await temp.reopen(damage)).blobs
      await assert.rejects(blobs.pieceTable(digest), BlobDamagedError)
      assert.equal(await blobs.stat(digest), undefined)
      await assert.rejects(blobs.pieceTable(digest), BlobNotFoundError)
    })

    it('does not bring a blob back that was removed while its table was made', async () => {
      const digest = await putBlob(blobs, large)
      blobs = (await temp.reopen(() => rm(temp.layout.index, { recursive: true }))).blobs
      await blobs.stat(digest)
      const removal = blobs.stat(digest).then(() => blobs.remove(digest, 'purged'))
      await Promise.allSettled([blobs.pieceTable(digest), removal])
      assert.deepEqual(await listDigests(temp.current), [])
      assert.deepEqual(temp.current.totals(), { blobs: 0, bytes: 0 })
    })

    it('is empty for an empty blob', async () => {
      const digest = await putBlob(blobs, Buffer.alloc(0))
      assert.deepEqual(await blobs.pieceTable(digest), { pieceBytes: MiB, hashes: [] })
    })
  })

  describe('remove', () => {
    it('removes file and entry, and does nothing the second time', async () => {
      const digest = await putBlob(blobs, small)
      await Promise.all([blobs.remove(digest, 'purged'), blobs.remove(digest, 'purged')])
      assert.equal(await blobs.stat(digest), undefined)
      assert.deepEqual(temp.current.totals(), { blobs: 0, bytes: 0 })
      await assert.rejects(stat(temp.layout.blobPath(digest)), /ENOENT/)
    })

    it('leaves file and entry in agreement when it races with commits of the same blob', async () => {
      const digest = digestOf(small)
      for (let round = 0; round < 10; round++) {
        await Promise.all([
          putBlob(blobs, small),
          blobs.remove(digest, 'purged'),
          blobs.stat(digest),
          blobs.remove(digest, 'purged'),
        ])
        const held = await blobs.stat(digest)
        assert.deepEqual(await listDigests(temp.current), held === undefined ? [] : [digest])
        assert.equal(temp.current.totals().blobs, held === undefined ? 0 : 1)
      }
    })
  })
})

async function flipByte(path: string, offset: number): Promise<void> {
  const file = await open(path, 'r+')
  try {
    const byte = Buffer.alloc(1)
    await file.read(byte, 0, 1, offset)
    await file.write(Buffer.of(byte.readUInt8() ^ 0xff), 0, 1, offset)
  } finally {
    await file.close()
  }
}
