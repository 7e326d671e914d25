import { monitorEventLoopDelay, performance } from 'node:perf_hooks'

import { peakMemoryBytesOf } from '../../support/process-cpu.ts'
import { heapBytes } from '../../support/heap-bytes.ts'
import { measureInit, openMeasured, reportOutcome, type MeasureInit } from '../measure.ts'
import { openAndCheck } from '../read-through.ts'

/** Opens a data folder with many blobs whose index is there, and reads one. Run with `--expose-gc`. */
interface Init extends MeasureInit {
  readonly blobs: number
}

const init = measureInit() as Init
const heapBytesBefore = heapBytes()
const loopDelay = monitorEventLoopDelay({ resolution: 1 })
const startedMs = performance.now()
loopDelay.enable()
const storage = await openMeasured({ dataDir: init.dataDir })
const openMs = performance.now() - startedMs
const digest = Iterator.from(storage.blobs.list()).next().value?.digest
if (digest === undefined) throw new Error('the index is empty')
await openAndCheck(storage.blobs, digest)
const firstReadMs = performance.now() - startedMs
await storage.reconciled
const reconciledMs = performance.now() - startedMs
loopDelay.disable()
const peakMemoryBytes = await peakMemoryBytesOf(process.pid)
if (storage.totals().blobs !== init.blobs)
  throw new Error(`${storage.totals().blobs} blobs instead of ${init.blobs}`)
const heapBytesPerBlob = (heapBytes() - heapBytesBefore) / init.blobs
await storage.close()
reportOutcome({
  ...{ openMs, firstReadMs, reconciledMs, peakMemoryBytes, heapBytesPerBlob },
  longestLoopBlockMs: loopDelay.max / 1e6,
})
