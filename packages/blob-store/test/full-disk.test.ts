import assert from 'node:assert/strict'
import { statfs } from 'node:fs/promises'
import { FillWriteError, StoreFullError } from '@layermesh/interface'
import { digestOf } from '@layermesh/oci'
import { ManualClock, seededBytes, until } from '@layermesh/testkit'
import { assertInvariants } from './support/assert-invariants.ts'
import { fillMissing, listDigests, putBlob, readAll, readBlob } from './support/blob-actions.ts'
import { openStorageIn } from './support/storage-in.ts'
import { mountTmpfs, requireMount, type Tmpfs } from './support/tmpfs.ts'

const MiB = 1024 * 1024
const alpha = seededBytes('alpha', 4 * MiB)
const beta = seededBytes('beta', 4 * MiB + 1)
const gamma = seededBytes('gamma', 3 * MiB + 5)
const contents = new Map([alpha, beta, gamma].map((bytes) => [digestOf(bytes), bytes]))

describe('a store on a full disk', () => {
  let disk: Tmpfs

  before(requireMount)
  beforeEach(async () => {
    disk = await mountTmpfs(16)
  })
  afterEach(() => disk[Symbol.asyncDispose]())

  it('refuses a fill that does not fit, gives up nothing for it, and goes on', async () => {
    await using opened = await openStorageIn(disk.path)
    const { blobs } = opened.storage
    const held = [await putBlob(blobs, alpha)]
    await assert.rejects(blobs.startFill(digestOf(beta), 20 * MiB), StoreFullError)
    held.push(await putBlob(blobs, gamma))
    await assertInvariants(opened.storage, opened.layout, { contents, held })
  })

  it('evicts when somebody else fills the disk in the middle of a fill, and the write succeeds', async () => {
    await using opened = await openStorageIn(disk.path)
    const { storage, layout, log } = opened
    const older = [await putBlob(storage.blobs, alpha), await putBlob(storage.blobs, beta)]
    const fill = await storage.blobs.startFill(digestOf(gamma), gamma.length)
    await fill.write(0, gamma.subarray(0, MiB))
    await disk.occupy()
    await fillMissing(fill, gamma)
    await fill.commit()
    const listed = await listDigests(storage)
    const left = older.filter((digest) => listed.includes(digest))
    assert.equal(left.length, 1)
    assert.ok(log.lines.includes('info blobs evicted'))
    await disk.vacate()
    await assertInvariants(storage, layout, { contents, held: [...left, fill.digest] })
  })

  it('fails the write with ERR_FILL_WRITE when nothing may go, and lets readers have what has come', async () => {
    await using opened = await openStorageIn(disk.path)
    const { storage, layout } = opened
    const { blobs } = storage
    const held = [await putBlob(blobs, alpha)]
    const fill = await blobs.startFill(digestOf(beta), beta.length)
    {
      // Who is being read may not go.
      await using reader = await blobs.open(held[0]!)
      await using follower = fill.open()
      await fill.write(0, beta.subarray(0, 2 * MiB))
      await disk.occupy()
      const next = beta.subarray(2 * MiB, 4 * MiB)
      const refused = await fill.write(2 * MiB, next).catch((error: unknown) => error)
      assert.ok(refused instanceof FillWriteError, String(refused))
      await fill.fail(refused)
      const come = { start: 0, end: 4 * MiB }
      assert.ok(beta.subarray(0, 4 * MiB).equals(await readAll(follower, come)))
      await assert.rejects(readAll(follower), FillWriteError)
      assert.ok(alpha.equals(await readAll(reader)))
    }
    await disk.vacate()
    held.push(await putBlob(blobs, beta))
    await assertInvariants(storage, layout, { contents, held })
  })

  it('holds what is committed when the disk is too full for the index, and finds it after a restart', async () => {
    const digests = [digestOf(alpha), digestOf(gamma)]
    {
      await using opened = await openStorageIn(disk.path)
      const { blobs } = opened.storage
      await putBlob(blobs, alpha)
      const fill = await blobs.startFill(digestOf(gamma), gamma.length)
      await fillMissing(fill, gamma)
      await disk.occupy()
      await fill.commit()
      for (const digest of digests) assert.ok(contents.get(digest)!.equals(await readBlob(blobs, digest)))
    }
    await disk.vacate()
    await using opened = await openStorageIn(disk.path)
    await assertInvariants(opened.storage, opened.layout, { contents, held: digests })
  })

  it('gives way when others take what has to stay free', async () => {
    const clock = new ManualClock()
    const limits = { maxBytes: 1024 * MiB, minFreeBytes: 5 * MiB }
    await using opened = await openStorageIn(disk.path, { clock, init: { limits } })
    const { storage, layout } = opened
    const digests = [await putBlob(storage.blobs, alpha), await putBlob(storage.blobs, gamma)]
    await storage.reconciled
    const isAsleep = () => Promise.resolve(clock.pendingTimers === 1)
    await until(isAsleep)
    assert.equal(storage.totals().blobs, 2)
    await disk.occupy(6 * MiB)
    clock.advance(60_000)
    await until(isAsleep)
    const { bavail, bsize } = await statfs(disk.path)
    assert.ok(bavail * bsize >= limits.minFreeBytes, `${bavail * bsize} bytes are free`)
    assert.equal(storage.totals().blobs, 1)
    await assert.rejects(storage.blobs.startFill(digestOf(beta), 8 * MiB), StoreFullError)
    assert.equal(storage.totals().blobs, 1)
    await disk.vacate()
    await putBlob(storage.blobs, alpha)
    await assertInvariants(storage, layout, { contents, held: digests.slice(0, 1) })
  })
})
