import { monitorEventLoopDelay, performance } from 'node:perf_hooks'

import { digestOf } from '@layermesh/oci'

import { peakMemoryBytesOf } from '../../support/process-cpu.ts'
import { measureInit, openMeasured, reportOutcome, type MeasureInit } from '../measure.ts'

/** Has a store evict a tenth of its bytes, as when it has reached its high-water mark. */
interface Init extends MeasureInit {
  /** Bytes that the data folder holds. */
  readonly heldBytes: number
}

/** From the marks of `space-plan.ts`: just below the high one, so that a small fill brings it above. */
const USED_SHARE = 0.9495
const HIGH_WATER = 0.95
const LOW_WATER = 0.85

const { dataDir, heldBytes } = measureInit() as Init
const maxBytes = Math.round(heldBytes / USED_SHARE)
const lowWaterBytes = maxBytes * LOW_WATER
const storage = await openMeasured({
  dataDir,
  limits: { maxBytes, minFreeBytes: 0 },
})
await storage.reconciled
const blobsBefore = storage.totals().blobs
const reached = Promise.withResolvers<undefined>()
storage.blobs.watch({
  removed() {
    if (storage.space().usedBytes <= lowWaterBytes) reached.resolve(undefined)
  },
})
const loopDelay = monitorEventLoopDelay({ resolution: 1 })
loopDelay.enable()
const startedMs = performance.now()
const sizeBytes = Math.ceil(maxBytes * HIGH_WATER) - heldBytes + 1
const fill = await storage.blobs.startFill(digestOf(new Uint8Array()), sizeBytes)
const startFillMs = performance.now() - startedMs
await reached.promise
const seconds = (performance.now() - startedMs) / 1000
loopDelay.disable()
const evicted = blobsBefore - storage.totals().blobs
if (storage.totals().bytes > heldBytes * 0.9)
  throw new Error(`${storage.totals().bytes} of ${heldBytes} bytes are still held`)
const peakMemoryBytes = await peakMemoryBytesOf(process.pid)
await fill.fail(new Error('the measure is done'))
await storage.close()
reportOutcome({
  ...{ startFillMs, seconds, evicted, peakMemoryBytes },
  longestLoopBlockMs: loopDelay.max / 1e6,
})
