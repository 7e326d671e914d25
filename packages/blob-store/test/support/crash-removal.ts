/**
 * Run as `crash-removal.ts <data folder> <eviction, purge or quarantine> <fault point>`: commits one blob that is in use
 * and one that is not, then kills itself on the way to the second one's removal.
 */
import { open } from 'node:fs/promises'
import { silentLog, systemClock } from '@layermesh/interface'
import { createMetrics } from '@layermesh/telemetry'
import { DataLayout } from '../../src/data-layout.ts'
import { openStorage } from '../../src/index.ts'
import { putBlob } from './blob-actions.ts'
import { FINISHED_BLOB, UNFINISHED_BLOB } from './crash-blobs.ts'

const [dataDir = '', way = '', crashPoint = ''] = process.argv.slice(2)
let isArmed = false

const storage = await openStorage(
  {
    ...{ log: silentLog, clock: systemClock, metrics: createMetrics() },
    faultHook(point) {
      if (isArmed && point === crashPoint) process.kill(process.pid, 'SIGKILL')
    },
  },
  { dataDir, limits: { maxBytes: 3_000_000, minFreeBytes: 0 } },
)
await storage.reconciled
const { blobs, images } = storage
const kept = await blobs.open(await putBlob(blobs, FINISHED_BLOB))
const going = await putBlob(blobs, UNFINISHED_BLOB)
isArmed = true
switch (way) {
  case 'eviction':
    await blobs.startFill(going, 2_800_000)
    break
  case 'purge':
    await images.purge(await images.plan({ kind: 'all' }))
    break
  case 'quarantine': {
    const file = await open(new DataLayout(dataDir).blobPath(going), 'r+')
    await file.write(Buffer.of(UNFINISHED_BLOB[0]! ^ 1), 0, 1, 0)
    await file.close()
    await storage.verify(going)
  }
}
await kept[Symbol.asyncDispose]()
