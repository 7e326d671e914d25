import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { digestOf } from '@layermesh/oci'
import { createMetrics } from '@layermesh/telemetry'
import { ManualClock, createTempDir, type TempDir } from '@layermesh/testkit'
import { DataLayout } from '../src/data-layout.ts'
import type { FillPoint } from '../src/fault-point.ts'
import { decodeJournal } from '../src/fill-journal-format.ts'
import { PieceGrid } from '../src/piece-grid.ts'
import { openStorage, type Storage } from '../src/storage.ts'
import { assertNoFillFiles, fillMissing, listDigests, readBlob } from './support/blob-actions.ts'
import { FINISHED_BLOB, UNFINISHED_BLOB } from './support/crash-blobs.ts'
import { createRecordingLog } from './support/recording-log.ts'

const MiB = 1024 * 1024
const finished = digestOf(FINISHED_BLOB)
const unfinished = digestOf(UNFINISHED_BLOB)

interface Expected {
  /** Whether the blob that was on its way must be there. */
  readonly isKept: boolean
  /** Pieces that must not be fetched again after one crash, and after a second one; undefined when it is up to the timing. */
  readonly journaled?: readonly [number, number]
}

/** What must be there after a crash at the point. */
const POINTS: Readonly<Record<'mid-fill' | FillPoint, Expected>> = {
  'fill-created': { isKept: false, journaled: [0, 0] },
  'piece-written': { isKept: false, journaled: [0, 0] },
  'journal-created': { isKept: false, journaled: [0, 0] },
  'piece-journaled': { isKept: false, journaled: [1, 2] },
  'mid-fill': { isKept: false, journaled: [1, 2] },
  'fill-paused': { isKept: false, journaled: [1, 2] },
  'fill-resumed': { isKept: false, journaled: [1, 1] },
  'blob-verified': { isKept: false },
  'file-synced': { isKept: false },
  'file-renamed': { isKept: true },
  'folder-synced': { isKept: true },
  'blob-indexed': { isKept: true },
  'journal-removed': { isKept: true },
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
    openStorage(
      { log: createRecordingLog(), clock: new ManualClock(), metrics: createMetrics() },
      { dataDir: dir.path },
    )

  /** The bytes of the unfinished blob that the journal which was left behind has; 0 when there is none. */
  async function journaledBytes(): Promise<number> {
    const { fills } = new DataLayout(dir.path)
    const name = (await readdir(fills)).find((file) => file.endsWith('.journal'))
    const decoded = name === undefined ? undefined : decodeJournal(await readFile(join(fills, name)))
    if (decoded === undefined) return 0
    const grid = new PieceGrid(decoded.blob.sizeBytes, decoded.blob.pieceBytes)
    return decoded.pieces.reduce((sum, { index }) => sum + grid.endOf(index) - grid.startOf(index), 0)
  }

  /** Fills and commits the unfinished blob; returns how many bytes it took. */
  async function finish(storage: Storage): Promise<number> {
    const fill = await storage.blobs.startFill(unfinished, UNFINISHED_BLOB.length)
    const written = await fillMissing(fill, UNFINISHED_BLOB)
    await fill.commit()
    assert.ok(UNFINISHED_BLOB.equals(await readBlob(storage.blobs, unfinished)))
    assert.equal((await storage.blobs.pieceTable(unfinished)).hashes.length, 3)
    assert.deepEqual(storage.totals(), { blobs: 2, bytes: FINISHED_BLOB.length + UNFINISHED_BLOB.length })
    await assertNoFillFiles(new DataLayout(dir.path))
    return written
  }

  for (const [point, { isKept, journaled }] of Object.entries(POINTS)) {
    it(`at ${point}: holds what was finished${isKept ? ', the new blob included' : ''}, and nothing else`, async () => {
      await crashAt(point)
      const resumable = isKept ? 0 : await journaledBytes()
      if (journaled !== undefined) assert.equal(resumable, journaled[0] * MiB)
      const storage = await reopen()
      const expected = isKept ? [finished, unfinished] : [finished]
      assert.deepEqual(await listDigests(storage), expected.toSorted())
      assert.ok(FINISHED_BLOB.equals(await readBlob(storage.blobs, finished)))
      assert.equal((await storage.blobs.stat(unfinished)) !== undefined, isKept)
      const leftovers = await readdir(new DataLayout(dir.path).fills)
      assert.equal(leftovers.length, resumable === 0 ? 0 : 2)

      assert.equal(await finish(storage), UNFINISHED_BLOB.length - resumable)
      await storage.close()
    })

    if (journaled === undefined) continue
    it(`twice at ${point}: goes on from where the second got, and leaves no more than the first`, async () => {
      await crashAt(point)
      await crashAt(point)
      const resumable = await journaledBytes()
      assert.equal(resumable, journaled[1] * MiB)
      const storage = await reopen()
      const leftovers = await readdir(new DataLayout(dir.path).fills)
      assert.equal(leftovers.length, resumable === 0 ? 0 : 2)
      assert.equal(await finish(storage), UNFINISHED_BLOB.length - resumable)
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
