import type { BlobHandle } from '@layermesh/interface'

import { readBlobFileList } from '../blob-file.ts'
import { fillFromFile } from '../fill-from-file.ts'
import { measureInit, openMeasured, reportOutcome, type MeasureInit } from '../measure.ts'
import { readAndCheck, readThrough } from '../read-through.ts'
import { takeSample } from '../sample.ts'

/** Fills a blob while readers follow it; the time ends when the blob is committed and the quick readers have all of it. */
interface Init extends MeasureInit {
  readonly list: string
  readonly quickReaders: number
  /** Those read a little and then nothing until the time has ended. */
  readonly slowReaders: number
  /** Has all readers hash what they get; that takes more time than what is measured. */
  readonly check: boolean
}

/** Chunks that a slow reader takes before it stops. */
const SLOW_CHUNKS = 4

const { dataDir, list, quickReaders, slowReaders, check } = measureInit() as Init
const [file] = await readBlobFileList(list)
if (file === undefined) throw new Error('no blob to fill')
const storage = await openMeasured({ dataDir })
const fill = await storage.blobs.startFill(file.digest, file.sizeBytes)
const handles = Array.from({ length: quickReaders + slowReaders }, () => fill.open())
const committed = Promise.withResolvers<undefined>()
const slow = handles.slice(quickReaders).map(readSlowly)
const sample = await takeSample(async () => {
  const quick = handles.slice(0, quickReaders).map(check ? readAndCheck : readThrough)
  await fillFromFile(fill, file.path)
  await fill.commit()
  await Promise.all(quick)
})
committed.resolve(undefined)
await Promise.all(slow)
for (const handle of handles) await handle[Symbol.asyncDispose]()
await storage.close()
reportOutcome(sample)

async function readSlowly(handle: BlobHandle): Promise<void> {
  let chunks = 0
  let bytes = 0
  for await (const chunk of handle.read()) {
    bytes += chunk.length
    if (++chunks === SLOW_CHUNKS) await committed.promise
  }
  if (bytes !== handle.sizeBytes) throw new Error(`a slow reader got ${bytes} bytes`)
}
