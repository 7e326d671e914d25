/** Run as `crash-commit.ts <data folder> <fault point or mid-fill>`: commits one blob, then kills itself on the way to a second. */
import { silentLog, systemClock } from '@layermesh/interface'
import { digestOf } from '@layermesh/oci'
import { openStorage } from '../../src/index.ts'
import { putBlob } from './blob-actions.ts'
import { FINISHED_BLOB, UNFINISHED_BLOB } from './crash-blobs.ts'

const [dataDir = '', crashPoint = ''] = process.argv.slice(2)
let isArmed = false

function crashAt(point: string): void {
  if (isArmed && point === crashPoint) process.kill(process.pid, 'SIGKILL')
}

const { blobs } = await openStorage({ log: silentLog, clock: systemClock, faultHook: crashAt }, { dataDir })
await putBlob(blobs, FINISHED_BLOB)
isArmed = true
const fill = await blobs.startFill(digestOf(UNFINISHED_BLOB), UNFINISHED_BLOB.length)
await fill.write(0, UNFINISHED_BLOB.subarray(0, fill.pieceBytes + 5))
crashAt('mid-fill')
await fill.write(fill.pieceBytes + 5, UNFINISHED_BLOB.subarray(fill.pieceBytes + 5))
await fill.commit()
