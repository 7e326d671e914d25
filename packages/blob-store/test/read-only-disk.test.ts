import assert from 'node:assert/strict'
import { mkdir } from 'node:fs/promises'
import { BlobDamagedError, BlobNotFoundError, FillWriteError } from '@layermesh/interface'
import { digestOf } from '@layermesh/oci'
import { seededBytes } from '@layermesh/testkit'
import { DataLayout } from '../src/data-layout.ts'
import { assertInvariants } from './support/assert-invariants.ts'
import { putBlob, readBlob } from './support/blob-actions.ts'
import { flipByte } from './support/flip-byte.ts'
import { openStorageIn } from './support/storage-in.ts'
import { mountTmpfs, requireMount } from './support/tmpfs.ts'

const MiB = 1024 * 1024
const good = seededBytes('good', 2 * MiB + 3)
const damaged = seededBytes('damaged', 2 * MiB)
const added = seededBytes('added', 1000)
const contents = new Map([good, damaged, added].map((bytes) => [digestOf(bytes), bytes]))

describe('a store on a disk that has become read-only', () => {
  before(requireMount)

  it('serves what is right, takes nothing in, and works again when the disk does', async () => {
    await using disks = new AsyncDisposableStack()
    const disk = disks.use(await mountTmpfs(16))
    const { index } = new DataLayout(disk.path)
    await mkdir(index, { recursive: true })
    // LevelDB has its log open for writing, which keeps the system from making its disk read-only.
    disks.use(await mountTmpfs(16, index))
    await using opened = await openStorageIn(disk.path)
    const { storage, layout, log } = opened
    const { blobs } = storage
    await storage.reconciled
    const digests = [await putBlob(blobs, good), await putBlob(blobs, damaged)]
    await flipByte(layout.blobPath(digestOf(damaged)), MiB + 7)

    await disk.remount('ro')
    assert.ok(good.equals(await readBlob(blobs, digestOf(good))))
    await assert.rejects(blobs.startFill(digestOf(added), added.length), FillWriteError)
    await assert.rejects(readBlob(blobs, digestOf(damaged)), BlobDamagedError)
    assert.ok(log.lines.includes('error damaged blob not moved'))
    assert.equal(await blobs.stat(digestOf(damaged)), undefined)
    assert.equal(storage.space().usedBytes, good.length + damaged.length, 'the file still takes room')
    await assert.rejects(blobs.open(digestOf(damaged)), BlobNotFoundError)
    assert.ok(good.equals(await readBlob(blobs, digestOf(good))))

    await disk.remount('rw')
    await putBlob(blobs, damaged)
    digests.push(await putBlob(blobs, added))
    assert.equal(storage.space().usedBytes, good.length + damaged.length + added.length)
    await assertInvariants(storage, layout, { contents, held: digests })
  })
})
