import { readBlobFileList } from '../blob-file.ts'
import { measureInit, openMeasured, reportOutcome, type MeasureInit } from '../measure.ts'
import { openAndCheck, readThrough } from '../read-through.ts'
import { takeSample } from '../sample.ts'

/** Reads a blob twice in a store that has just been opened: first each piece is hashed before it is handed out, then no more. */
interface Init extends MeasureInit {
  readonly list: string
}

const { dataDir, list } = measureInit() as Init
const [file] = await readBlobFileList(list)
if (file === undefined) throw new Error('no blob to read')
const { digest } = file
const storage = await openMeasured({ dataDir })
const first = await takeSample(readOnce)
const again = await takeSample(readOnce)
await openAndCheck(storage.blobs, digest)
await storage.close()
reportOutcome({ first, again })

async function readOnce(): Promise<void> {
  await using handle = await storage.blobs.open(digest)
  await readThrough(handle)
}
