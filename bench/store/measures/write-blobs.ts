import { readBlobFileList } from '../blob-file.ts'
import { fillFromFile } from '../fill-from-file.ts'
import { measureInit, openMeasured, reportOutcome, type MeasureInit } from '../measure.ts'
import { openAndCheck } from '../read-through.ts'
import { takeSample } from '../sample.ts'

/** Writes and commits blobs, so many at a time, until the last one would survive a power cut. */
interface Init extends MeasureInit {
  /** Path of the list of blob files. */
  readonly list: string
  readonly atOnce: number
}

const { dataDir, list, atOnce } = measureInit() as Init
const files = await readBlobFileList(list)
const storage = await openMeasured({ dataDir })
const waiting = files.values()
const sample = await takeSample(async () => {
  await Promise.all(Array.from({ length: atOnce }, writeWaiting))
})
for (const { digest } of files) await openAndCheck(storage.blobs, digest)
await storage.close()
reportOutcome(sample)

async function writeWaiting(): Promise<void> {
  for (const { path, digest, sizeBytes } of waiting) {
    const fill = await storage.blobs.startFill(digest, sizeBytes)
    await fillFromFile(fill, path)
    await fill.commit()
  }
}
