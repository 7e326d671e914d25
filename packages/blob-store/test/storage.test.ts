import assert from 'node:assert/strict'
import { mkdir, readdir, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DataDirError, type PeerId, type PeerRecord } from '@layermesh/interface'
import { digestOf } from '@layermesh/oci'
import { createMetrics } from '@layermesh/telemetry'
import {
  ManualClock,
  createTempDir,
  expectNoLeaks,
  takeResourceSnapshot,
  type ResourceSnapshot,
} from '@layermesh/testkit'
import { MIGRATIONS } from '../src/migrations.ts'
import { openStorage } from '../src/storage.ts'
import { assertNoFillFiles, editIndex, listDigests, putBlob, readBlob } from './support/blob-actions.ts'
import { createRecordingLog } from './support/recording-log.ts'
import { openTempStorage } from './support/temp-storage.ts'

const bytes = Buffer.from('a blob')
const digest = digestOf(bytes)
const tag = { upstream: 'docker.io', repository: 'library/nginx', tag: 'latest' }
const record = {
  digest,
  mediaType: 'text/plain',
  sizeBytes: bytes.length,
  confirmedAtMs: new ManualClock().now(),
}
const link = { kind: 'blob', digest, upstream: 'docker.io', repository: 'library/nginx' } as const
const pin = { ...tag, pinnedAtMs: 1 }
const peer: PeerRecord = {
  peer: 'alice' as PeerId,
  addresses: ['/ip4/192.0.2.1/tcp/4001'],
  lastSeenAtMs: new ManualClock().now(),
}

const open = (dataDir: string) =>
  openStorage({ log: createRecordingLog(), clock: new ManualClock(), metrics: createMetrics() }, { dataDir })

describe('openStorage', () => {
  let before: ResourceSnapshot
  beforeEach(async () => {
    before = await takeResourceSnapshot()
  })
  afterEach(() => expectNoLeaks(before))

  it('creates the data folder, and finds everything again', async () => {
    await using dir = await createTempDir()
    const dataDir = join(dir.path, 'var/lib/layermesh')
    const first = await open(dataDir)
    await putBlob(first.blobs, bytes)
    await first.tags.put(tag, record)
    await first.links.put(link)
    await first.pins.put(pin)
    await first.peers.put(peer)
    await first.close()
    const second = await open(dataDir)
    assert.deepEqual(await readBlob(second.blobs, digest), bytes)
    assert.deepEqual(await second.tags.find(tag), record)
    assert.deepEqual(await second.links.of(digest), [link])
    assert.deepEqual(second.pins.list(), [pin])
    assert.deepEqual(await second.peers.list(), [peer])
    assert.deepEqual(second.totals(), { blobs: 1, bytes: bytes.length })
    await second.close()
  })

  it('leaves alone what else is in the data folder', async () => {
    await using dir = await createTempDir()
    await writeFile(join(dir.path, 'identity.key'), 'k')
    await (await open(dir.path)).close()
    assert.deepEqual(await readdir(dir.path), ['identity.key', 'v1'])
  })

  it('removes what an earlier process has left in fills', async () => {
    await using temp = await openTempStorage()
    await temp.reopen(() => writeFile(temp.layout.newFillFiles(digest).part, 'half'))
    await assertNoFillFiles(temp.layout)
    assert.ok(temp.log.lines.includes('info unfinished fills found'))
  })

  it('lets go of everything when it is closed, also twice', async () => {
    await using dir = await createTempDir()
    const storage = await open(dir.path)
    await storage.close()
    await storage.close()
    await expectNoLeaks(before)
    await (await open(dir.path)).close()
  })

  describe('rejects with ERR_DATA_DIR in one line that names the folder', () => {
    async function assertRejected(dataDir: string, reason: RegExp): Promise<void> {
      const error = await open(dataDir).catch((thrown: unknown) => thrown)
      assert.ok(error instanceof DataDirError, String(error))
      assert.match(error.message, reason)
      assert.ok(error.message.includes(dataDir) && !error.message.includes('\n'), error.message)
    }

    it('when the path leads through a file', async () => {
      await using dir = await createTempDir()
      const file = join(dir.path, 'file')
      await writeFile(file, '')
      await assertRejected(join(file, 'data'), /ENOTDIR/)
      await assertRejected(file, /EEXIST/)
    })

    it('when the system refuses to create it', async () => {
      // What /proc refuses, mkdir reports in a way that has sent others into an endless loop.
      await assertRejected('/proc/layermesh/data', /can't be used: E/)
    })

    it('when a file is where a folder of ours should be', async () => {
      await using dir = await createTempDir()
      await mkdir(join(dir.path, 'v1'))
      await writeFile(join(dir.path, 'v1/fills'), '')
      await assertRejected(dir.path, /EEXIST/)
    })

    it('when another daemon has it open, whose fills are let alone', async () => {
      await using temp = await openTempStorage()
      const fill = await temp.current.blobs.startFill(digest, bytes.length)
      await assertRejected(temp.layout.dataDir, /in use by another/)
      assert.equal((await readdir(temp.layout.fills)).length, 1)
      await fill.write(0, bytes)
      await fill.commit()
    })

    it('when a newer version was here, even if ours is there as well', async () => {
      await using dir = await createTempDir()
      await mkdir(join(dir.path, 'v2'))
      await assertRejected(dir.path, /newer layermesh \(layout v2/)
      await mkdir(join(dir.path, 'v1'))
      await assertRejected(dir.path, /newer layermesh \(layout v2/)
    })
  })

  it('rejects with ERR_DATA_DIR when the index is of a newer schema, and leaves it as it is', async () => {
    await using temp = await openTempStorage()
    await putBlob(temp.current.blobs, bytes)
    await temp.current.close()
    const setSchema = (schema: string) =>
      editIndex(temp.layout, (db) => db.sublevel('meta').put('schema', schema))
    await setSchema('1000')
    await assert.rejects(open(temp.layout.dataDir), (error) => {
      assert.ok(error instanceof DataDirError)
      assert.match(error.message, /has schema 1000, .* a newer one was here/)
      return true
    })
    await setSchema(String(1 + MIGRATIONS.length))
    assert.deepEqual((await temp.reopen()).totals(), { blobs: 1, bytes: bytes.length })
  })

  it('finds everything in a data folder that was written before there were schemas', async () => {
    await using temp = await openTempStorage()
    await putBlob(temp.current.blobs, bytes)
    await temp.current.tags.put(tag, record)
    const storage = await temp.reopen(() => editIndex(temp.layout, (db) => db.sublevel('meta').del('schema')))
    assert.deepEqual(await storage.tags.find(tag), record)
    assert.deepEqual(storage.totals(), { blobs: 1, bytes: bytes.length })
    assert.ok(temp.log.lines.includes('info index migrated'))
  })

  it('has the pins of a data folder whose index is lost', async () => {
    await using temp = await openTempStorage()
    await temp.current.pins.put(pin)
    const storage = await temp.reopen(() => rm(temp.layout.index, { recursive: true }))
    assert.deepEqual(storage.pins.list(), [pin])
  })

  describe('with an index that can not be read', () => {
    const damages: Record<string, (index: string) => Promise<void>> = {
      'names a manifest that is not there': (index) => writeFile(join(index, 'CURRENT'), 'MANIFEST-999999\n'),
      'has nonsense for its current manifest': (index) => writeFile(join(index, 'CURRENT'), 'nonsense'),
      'lacks a table': async (index) => {
        for (const name of await tablesOf(index)) await rm(join(index, name))
      },
      'has a table that was cut': async (index) => {
        for (const name of await tablesOf(index)) await truncate(join(index, name), 20)
      },
      'is a file': async (index) => {
        await rm(index, { recursive: true })
        await writeFile(index, '')
      },
    }
    for (const [name, damage] of Object.entries(damages)) {
      it(`begins a new one and finds all blobs when it ${name}`, async () => {
        await using temp = await openTempStorage()
        await putBlob(temp.current.blobs, bytes)
        // The first opening after a write turns LevelDB's log into a table.
        await temp.reopen()
        const storage = await temp.reopen(() => damage(temp.layout.index))
        assert.ok(temp.log.lines.includes('warn index unreadable, begun anew'))
        assert.deepEqual(await listDigests(storage), [digest])
        assert.deepEqual(await readBlob(storage.blobs, digest), bytes)
        assert.deepEqual((await readdir(temp.layout.root)).toSorted(), [
          'blobs',
          'fills',
          'index',
          'quarantine',
        ])
      })
    }

    it('makes a piece table anew whose entry is wrong', async () => {
      await using temp = await openTempStorage()
      await putBlob(temp.current.blobs, bytes)
      const table = await temp.current.blobs.pieceTable(digest)
      const storage = await temp.reopen(() =>
        editIndex(temp.layout, (db) => db.sublevel('pieces').put(digest, 'short')),
      )
      assert.deepEqual(await storage.blobs.pieceTable(digest), table)
    })
  })
})

async function tablesOf(index: string): Promise<string[]> {
  const names = (await readdir(index)).filter((name) => name.endsWith('.ldb'))
  assert.notEqual(names.length, 0)
  return names
}
