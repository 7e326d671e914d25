import { createMetrics } from '@layermesh/telemetry'
import { ManualClock } from '@layermesh/testkit'
import { DataLayout } from '../../src/data-layout.ts'
import { openStorage, type Storage } from '../../src/storage.ts'
import { createRecordingLog, type RecordingLog } from './recording-log.ts'
import type { TempStorageOptions } from './temp-storage.ts'

/** A storage in a folder that the test has made. */
export interface StorageIn extends AsyncDisposable {
  readonly storage: Storage
  readonly layout: DataLayout
  readonly log: RecordingLog
}

export async function openStorageIn(
  dataDir: string,
  { init, ...deps }: TempStorageOptions = {},
): Promise<StorageIn> {
  const log = createRecordingLog()
  const all = { clock: new ManualClock(), ...deps, log, metrics: createMetrics() }
  const storage = await openStorage(all, { ...init, dataDir })
  return {
    storage,
    layout: new DataLayout(dataDir),
    log,
    [Symbol.asyncDispose]: () => storage.close(),
  }
}
