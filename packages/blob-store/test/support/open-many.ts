/** Run as `open-many.ts <data folder>` where few files may be open: opens handles until none opens, and reports what went on as JSON. */
import { silentLog, systemClock, type BlobHandle } from '@layermesh/interface'
import { digestOf } from '@layermesh/oci'
import { createMetrics } from '@layermesh/telemetry'
import { openStorage } from '../../src/index.ts'
import { readAll, readBlob } from './blob-actions.ts'

const HANDLES = 200

/** What the process reports. */
export interface OpenManyReport {
  readonly opened: number
  /** Codes of what was thrown while no file could be opened, by what was tried. */
  readonly codes: Readonly<Record<string, string>>
  readonly removed: readonly string[]
  /** How many of the blobs read right afterwards. */
  readonly readRight: number
}

const [dataDir = ''] = process.argv.slice(2)
const storage = await openStorage(
  { log: silentLog, clock: systemClock, metrics: createMetrics() },
  { dataDir },
)
await storage.reconciled
const { blobs } = storage
const digests = Array.from(blobs.list(), (stat) => stat.digest)
const removed: string[] = []
blobs.watch({ removed: (digest, reason) => removed.push(`${digest} ${reason}`) })

const codes: Record<string, string> = {}
async function attempt<T>(what: string, work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work()
  } catch (error) {
    const { code = String(error), cause } = error as { code?: string; cause?: { code?: string } }
    codes[what] = cause?.code === undefined ? code : `${code} of ${cause.code}`
    return undefined
  }
}

const handles: BlobHandle[] = []
for (let turn = 0; turn < HANDLES && codes['open'] === undefined; turn++) {
  const handle = await attempt('open', () => blobs.open(digests[turn % digests.length]!))
  if (handle !== undefined) handles.push(handle)
}
for (const digest of digests) {
  await attempt('open', () => blobs.open(digest))
  await attempt('verify', () => storage.verify(digest))
  await attempt('stat', () => blobs.stat(digest))
}
await attempt('read', () => readAll(handles[0]!))
await attempt('startFill', () => blobs.startFill(digestOf(Buffer.from('new')), 3))

for (const handle of handles) await handle[Symbol.asyncDispose]()
let readRight = 0
for (const digest of digests) if (digestOf(await readBlob(blobs, digest)) === digest) readRight++
await storage.close()
const report: OpenManyReport = { opened: handles.length, codes, removed, readRight }
process.stdout.write(JSON.stringify(report))
