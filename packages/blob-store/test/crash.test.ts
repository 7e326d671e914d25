import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { digestOf } from '@layermesh/oci'
import { ManualClock, createTempDir, type TempDir } from '@layermesh/testkit'
import { DataLayout } from '../src/data-layout.ts'
import type { CommitPoint } from '../src/fault-point.ts'
import { openStorage } from '../src/storage.ts'
import { assertNoFillFiles, listDigests, putBlob, readBlob } from './support/blob-actions.ts'
import { FINISHED_BLOB, UNFINISHED_BLOB } from './support/crash-blobs.ts'
import { createRecordingLog } from './support/recording-log.ts'

const finished = digestOf(FINISHED_BLOB)
const unfinished = digestOf(UNFINISHED_BLOB)

/** Whether the blob that was on its way must be there after a crash at the point. */
const POINTS: Readonly<Record<'mid-fill' | CommitPoint, boolean>> = {
  'mid-fill': false,
  'blob-verified': false,
  'file-synced': false,
  'file-renamed': true,
  'folder-synced': true,
  'blob-indexed': true,
}

describe('a data folder after SIGKILL', () => {
  let dir: TempDir

  beforeEach(async () => {
    dir = await createTempDir()
  })
  afterEach(() => dir[Symbol.asyncDispose]())

  async function crashAt(point: string): Promise<void> {
    const script = join(import.meta.dirname, 'support/crash-commit.ts')
    const child = spawn(process.execPath, [script, dir.path, point], { stdio: 'inherit' })
    const [, signal] = (await once(child, 'exit')) as [number | null, string | null]
    assert.equal(signal, 'SIGKILL')
  }

  const reopen = () =>
    openStorage({ log: createRecordingLog(), clock: new ManualClock() }, { dataDir: dir.path })

  for (const [point, isKept] of Object.entries(POINTS)) {
    it(`at ${point}: holds what was finished${isKept ? ', the new blob included' : ''}, and nothing else`, async () => {
      await crashAt(point)
      const storage = await reopen()
      const expected = isKept ? [finished, unfinished] : [finished]
      assert.deepEqual(await listDigests(storage), expected.toSorted())
      assert.ok(FINISHED_BLOB.equals(await readBlob(storage.blobs, finished)))
      assert.equal((await storage.blobs.stat(unfinished)) !== undefined, isKept)
      await assertNoFillFiles(new DataLayout(dir.path))

      await putBlob(storage.blobs, UNFINISHED_BLOB)
      assert.ok(UNFINISHED_BLOB.equals(await readBlob(storage.blobs, unfinished)))
      assert.equal((await storage.blobs.pieceTable(unfinished)).hashes.length, 3)
      assert.deepEqual(storage.totals(), { blobs: 2, bytes: FINISHED_BLOB.length + UNFINISHED_BLOB.length })
      await storage.close()
    })
  }

  it('with the index lost as well: finds the blobs by their files', async () => {
    await crashAt('file-renamed')
    await rm(new DataLayout(dir.path).index, { recursive: true })
    const storage = await reopen()
    assert.ok(UNFINISHED_BLOB.equals(await readBlob(storage.blobs, unfinished)))
    assert.deepEqual(await listDigests(storage), [finished, unfinished].toSorted())
    await storage.close()
  })
})
