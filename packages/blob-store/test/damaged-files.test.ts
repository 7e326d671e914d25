import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { rm, truncate, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { BlobDamagedError, BlobNotFoundError, DataDirError, type BlobStore } from '@layermesh/interface'
import { digestOf } from '@layermesh/oci'
import { seededBytes } from '@layermesh/testkit'
import { systemDisk, type Disk } from '../src/disk.ts'
import { assertInvariants } from './support/assert-invariants.ts'
import { putBlob, readBlob } from './support/blob-actions.ts'
import { flipByte } from './support/flip-byte.ts'
import { openStorageIn } from './support/storage-in.ts'
import { openTempStorage } from './support/temp-storage.ts'

const MiB = 1024 * 1024
const sound = seededBytes('sound', MiB + 11)
const victim = seededBytes('victim', 2 * MiB + 13)
const digest = digestOf(victim)
const contents = new Map([sound, victim].map((bytes) => [digestOf(bytes), bytes]))

describe('a store whose files were damaged while it was closed', () => {
  const damages: Record<string, (path: string) => Promise<void>> = {
    deleted: (path) => rm(path),
    truncated: (path) => truncate(path, MiB),
    emptied: (path) => truncate(path, 0),
    'changed in one bit': (path) => flipByte(path, MiB + 1),
  }
  for (const [name, damage] of Object.entries(damages)) {
    for (const isIndexLost of [false, true]) {
      it(`never serves one that was ${name}${isIndexLost ? ', with the index lost' : ''}, and takes it again`, async () => {
        await using temp = await openTempStorage()
        for (const bytes of contents.values()) await putBlob(temp.current.blobs, bytes)
        const storage = await temp.reopen(async () => {
          await damage(temp.layout.blobPath(digest))
          if (isIndexLost) await rm(temp.layout.index, { recursive: true })
        })
        await assertNotServed(storage.blobs)
        assert.equal(await storage.blobs.stat(digest), undefined)
        const held = [digestOf(sound)]
        await assertInvariants(storage, temp.layout, { contents, held, gone: [digest] })
        await putBlob(storage.blobs, victim)
        await assertInvariants(storage, temp.layout, { contents, held: contents.keys() })
      })
    }
  }
})

describe('a store on a disk that can not read one file', () => {
  it('never serves the blob, lets it go, and serves the others', async () => {
    let badPath: string | undefined
    const disk: Disk = {
      ...systemDisk,
      async open(path, flags, mode) {
        const handle = await systemDisk.open(path, flags, mode)
        return path === badPath ? failing(handle, 'read') : handle
      },
    }
    await using temp = await openTempStorage({ disk })
    for (const bytes of contents.values()) await putBlob(temp.current.blobs, bytes)
    badPath = temp.layout.blobPath(digest)
    const storage = await temp.reopen()
    await assertNotServed(storage.blobs)
    const held = [digestOf(sound)]
    await assertInvariants(storage, temp.layout, { contents, held, gone: [digest] })
    badPath = undefined
    await putBlob(storage.blobs, victim)
    await assertInvariants(storage, temp.layout, { contents, held: contents.keys() })
  })

  it('lets the blob go when pieces can not be read that were right before', async () => {
    let isBad = false
    const disk: Disk = {
      ...systemDisk,
      async open(path, flags, mode) {
        const handle = await systemDisk.open(path, flags, mode)
        return isBad && path === temp.layout.blobPath(digest) ? failing(handle, 'read') : handle
      },
    }
    await using temp = await openTempStorage({ disk })
    const { current: storage, layout } = temp
    for (const bytes of contents.values()) await putBlob(storage.blobs, bytes)
    isBad = true
    await assert.rejects(readBlob(storage.blobs, digest), BlobDamagedError)
    assert.ok(sound.equals(await readBlob(storage.blobs, digestOf(sound))))
    await assertInvariants(storage, layout, { contents, held: [digestOf(sound)], gone: [digest] })
  })

  it('closes a file that it can not look at', async () => {
    let isBad = false
    const opened: FileHandle[] = []
    const disk: Disk = {
      ...systemDisk,
      async open(path, flags, mode) {
        const handle = await systemDisk.open(path, flags, mode)
        if (!isBad) return handle
        opened.push(handle)
        return failing(handle, 'stat')
      },
    }
    await using temp = await openTempStorage({ disk })
    await putBlob(temp.current.blobs, sound)
    isBad = true
    await assert.rejects(temp.current.blobs.open(digestOf(sound)), { code: 'EIO' })
    assert.deepEqual(
      opened.map(({ fd }) => fd),
      [-1],
    )
  })
})

describe('a data folder that another process has open', () => {
  it('is refused with one clear line, and free again when that process has ended', async () => {
    await using temp = await openTempStorage()
    await putBlob(temp.current.blobs, sound)
    const storage = await temp.reopen(async () => {
      const script = join(import.meta.dirname, 'support/hold-storage.ts')
      const child = spawn(process.execPath, [script, temp.layout.dataDir], {
        stdio: ['pipe', 'pipe', 'inherit'],
      })
      const exited = once(child, 'exit')
      try {
        await Promise.race([once(child.stdout, 'data'), exited])
        await assert.rejects(openStorageIn(temp.layout.dataDir), (error) => {
          assert.ok(error instanceof DataDirError)
          const { dataDir } = temp.layout
          assert.equal(error.message, `data folder ${dataDir} is in use by another layermesh daemon`)
          return true
        })
      } finally {
        child.stdin.end()
        assert.deepEqual(await exited, [0, null])
      }
    })
    await assertInvariants(storage, temp.layout, { contents, held: [digestOf(sound)] })
  })
})

/** Asserts that no reader gets to the end of the victim. */
async function assertNotServed(blobs: BlobStore): Promise<void> {
  await assert.rejects(
    readBlob(blobs, digest),
    (error) => error instanceof BlobDamagedError || error instanceof BlobNotFoundError,
  )
}

/** A file on which the disk fails whenever `method` is called. */
function failing(handle: FileHandle, method: 'read' | 'stat'): FileHandle {
  return new Proxy(handle, {
    get(target, property) {
      if (property === method) {
        return () => Promise.reject(Object.assign(new Error(`EIO: i/o error, ${method}`), { code: 'EIO' }))
      }
      const value: unknown = Reflect.get(target, property, target)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
}
