import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { monitorEventLoopDelay, performance } from 'node:perf_hooks'
import { setTimeout } from 'node:timers/promises'

import { seededRandom } from '@layermesh/testkit'

import { peakMemoryBytesOf } from '../../support/process-cpu.ts'
import { readBlobFileList } from '../blob-file.ts'
import { heapBytes } from '../../support/heap-bytes.ts'
import { measureInit, openMeasured, reportOutcome, type MeasureInit } from '../measure.ts'
import { openAndCheck } from '../read-through.ts'

/** Opens a data folder whose index is gone, and reads blobs while it is made again. Run with `--expose-gc`. */
interface Init extends MeasureInit {
  readonly list: string
}

/** Pause between two blobs that are read meanwhile. */
const READ_EVERY_MS = 50

const { dataDir, list } = measureInit() as Init
const files = await readBlobFileList(list)
await rm(join(dataDir, 'v1/index'), { recursive: true, force: true })
const heapBytesBefore = heapBytes()
const random = seededRandom(1)
const loopDelay = monitorEventLoopDelay({ resolution: 1 })
const startedMs = performance.now()
loopDelay.enable()
const storage = await openMeasured({ dataDir })
const openMs = performance.now() - startedMs
await readAny()
const firstReadMs = performance.now() - startedMs
const rebuilt = new AbortController()
const reading = readUntil(rebuilt.signal)
await storage.reconciled
const seconds = (performance.now() - startedMs) / 1000
rebuilt.abort()
const readMs = await reading
loopDelay.disable()
const peakMemoryBytes = await peakMemoryBytesOf(process.pid)
if (storage.totals().blobs !== files.length)
  throw new Error(`${storage.totals().blobs} blobs instead of ${files.length}`)
const heapBytesPerBlob = (heapBytes() - heapBytesBefore) / files.length
await storage.close()
reportOutcome({
  ...{ openMs, firstReadMs, seconds, readMs, peakMemoryBytes, heapBytesPerBlob },
  longestLoopBlockMs: loopDelay.max / 1e6,
})

/** Reads blob after blob, and returns how long each took. */
async function readUntil(signal: AbortSignal): Promise<readonly number[]> {
  const readMs: number[] = []
  while (!signal.aborted) {
    const readStartedMs = performance.now()
    await readAny()
    readMs.push(performance.now() - readStartedMs)
    await setTimeout(READ_EVERY_MS)
  }
  return readMs
}

async function readAny(): Promise<void> {
  const file = files[Math.floor(random() * files.length)]
  if (file !== undefined) await openAndCheck(storage.blobs, file.digest)
}
