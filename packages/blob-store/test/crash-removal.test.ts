import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { digestOf } from '@layermesh/oci'
import { createMetrics } from '@layermesh/telemetry'
import { ManualClock, createTempDir, type TempDir } from '@layermesh/testkit'
import { DataLayout } from '../src/data-layout.ts'
import type { RemovalPoint } from '../src/fault-point.ts'
import { openStorage } from '../src/storage.ts'
import { assertInvariants } from './support/assert-invariants.ts'
import { FINISHED_BLOB, UNFINISHED_BLOB } from './support/crash-blobs.ts'
import { createRecordingLog } from './support/recording-log.ts'

const contents = new Map([FINISHED_BLOB, UNFINISHED_BLOB].map((bytes) => [digestOf(bytes), bytes]))
const kept = digestOf(FINISHED_BLOB)
const gone = digestOf(UNFINISHED_BLOB)

/** On which ways to its removal a blob passes each point. */
const POINTS: Readonly<Record<RemovalPoint, readonly string[]>> = {
  'blob-unlinked': ['eviction', 'purge'],
  'blob-quarantined': ['quarantine'],
  'blob-forgotten': ['eviction', 'purge', 'quarantine'],
}

describe('a data folder after SIGKILL during a removal', () => {
  let dir: TempDir
  beforeEach(async () => {
    dir = await createTempDir()
  })
  afterEach(() => dir[Symbol.asyncDispose]())

  async function crash(way: string, point: string): Promise<void> {
    const script = join(import.meta.dirname, 'support/crash-removal.ts')
    const child = spawn(process.execPath, [script, dir.path, way, point], { stdio: 'inherit' })
    const [, signal] = (await once(child, 'exit')) as [number | null, string | null]
    assert.equal(signal, 'SIGKILL')
  }

  async function assertRight(expected: { readonly quarantined: number; readonly isPurge: boolean }) {
    const layout = new DataLayout(dir.path)
    const storage = await openStorage(
      { log: createRecordingLog(), clock: new ManualClock(), metrics: createMetrics() },
      { dataDir: dir.path, limits: { maxBytes: 30_000_000, minFreeBytes: 0 } },
    )
    // A purge takes the blobs in no order, and doesn't mind readers.
    await assertInvariants(storage, layout, {
      ...{ contents, held: expected.isPurge ? [] : [kept] },
      gone: expected.isPurge ? [] : [gone],
    })
    if (expected.isPurge) assert.ok(storage.totals().blobs <= 1)
    assert.equal((await readdir(layout.quarantine)).length, expected.quarantined)
    await storage.close()
  }

  for (const [point, ways] of Object.entries(POINTS)) {
    for (const way of ways) {
      it(`by ${way} at ${point}: the blob is gone, and nothing else`, async () => {
        await crash(way, point)
        await assertRight({ quarantined: way === 'quarantine' ? 1 : 0, isPurge: way === 'purge' })
      })
    }
  }
})
