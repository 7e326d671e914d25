import { openStorage, type Storage, type StorageInit } from '@layermesh/blob-store'
import { silentLog, systemClock } from '@layermesh/interface'
import { createMetrics } from '@layermesh/telemetry'

/** What every measure is told, as JSON in its only argument. */
export interface MeasureInit {
  readonly dataDir: string
}

/** The argument of this process. */
export function measureInit(): MeasureInit {
  return JSON.parse(process.argv[2] ?? '') as MeasureInit
}

/** Opens a storage as the daemon does, but for its log. */
export function openMeasured(init: StorageInit): Promise<Storage> {
  return openStorage({ log: silentLog, clock: systemClock, metrics: createMetrics() }, init)
}

/** Hands the outcome to the process that has started this one. */
export function reportOutcome(outcome: object): void {
  process.stdout.write(JSON.stringify(outcome))
}
