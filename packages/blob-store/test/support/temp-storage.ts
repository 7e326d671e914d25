import { ManualClock, createTempDir } from '@layermesh/testkit'
import { createMetrics, type PrometheusMetrics } from '@layermesh/telemetry'
import { DataLayout } from '../../src/data-layout.ts'
import { openStorage, type Storage, type StorageDeps, type StorageInit } from '../../src/storage.ts'
import { createRecordingLog, type RecordingLog } from './recording-log.ts'

/** A storage in a temporary folder that can be closed and opened again. */
export interface TempStorage extends AsyncDisposable {
  readonly current: Storage
  readonly layout: DataLayout
  readonly log: RecordingLog
  /** Of the current storage. */
  readonly metrics: PrometheusMetrics
  /** Closes it, does `meanwhile`, and opens it again. */
  reopen(meanwhile?: () => Promise<void>): Promise<Storage>
}

export interface TempStorageOptions extends Partial<Omit<StorageDeps, 'log' | 'metrics'>> {
  readonly init?: Omit<StorageInit, 'dataDir'>
}

export async function openTempStorage({ init = {}, ...deps }: TempStorageOptions = {}): Promise<TempStorage> {
  const dir = await createTempDir()
  const log = createRecordingLog()
  let metrics = createMetrics()
  const open = () => {
    metrics = createMetrics()
    return openStorage({ clock: new ManualClock(), ...deps, log, metrics }, { ...init, dataDir: dir.path })
  }
  let current = await open()
  return {
    get current() {
      return current
    },
    layout: new DataLayout(dir.path),
    log,
    get metrics() {
      return metrics
    },
    async reopen(meanwhile = async () => {}) {
      await current.close()
      await meanwhile()
      current = await open()
      return current
    },
    async [Symbol.asyncDispose]() {
      await current.close()
      await dir[Symbol.asyncDispose]()
    },
  }
}
