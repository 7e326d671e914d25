/**
 * Run as `crash-commit.ts <data folder> <fault point or mid-fill>`: commits one blob, then kills itself on the way to a
 * second, which it pauses and resumes once. Goes on from what an earlier run has left of it.
 */
import { silentLog, systemClock } from '@layermesh/interface'
import { createMetrics } from '@layermesh/telemetry'
import { digestOf } from '@layermesh/oci'
import { openStorage } from '../../src/index.ts'
import { fillMissing, putBlob } from './blob-actions.ts'
import { FINISHED_BLOB, UNFINISHED_BLOB } from './crash-blobs.ts'

const [dataDir = '', crashPoint = ''] = process.argv.slice(2)
const pieceJournaled = Promise.withResolvers<undefined>()
let isArmed = false

function crashAt(point: string): void {
  if (isArmed && point === crashPoint) process.kill(process.pid, 'SIGKILL')
  if (isArmed && point === 'piece-journaled') pieceJournaled.resolve(undefined)
}

const { blobs } = await openStorage(
  { log: silentLog, clock: systemClock, metrics: createMetrics(), faultHook: crashAt },
  { dataDir },
)
await putBlob(blobs, FINISHED_BLOB)
isArmed = true
const startFill = () => blobs.startFill(digestOf(UNFINISHED_BLOB), UNFINISHED_BLOB.length)
const begun = await startFill()
const { start } = begun.firstMissing()!
await begun.write(start, UNFINISHED_BLOB.subarray(start, start + begun.pieceBytes + 5))
await pieceJournaled.promise
crashAt('mid-fill')
await begun.pause(new Error('paused'))
const resumed = await startFill()
await fillMissing(resumed, UNFINISHED_BLOB)
await resumed.commit()
