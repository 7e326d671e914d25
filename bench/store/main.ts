import { mkdir, writeFile } from 'node:fs/promises'
import { loadavg } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

import { createTempDir, seededRandom } from '@layermesh/testkit'

import { writeResult } from '../support/result-file.ts'
import { layOut, type BlobFile } from './blob-file.ts'
import { rebuildIndex, runWithManyBlobs } from './many-blobs-run.ts'
import { printReport, writeReport } from './report.ts'
import { summarize } from './summary.ts'
import { checkFollowers, transferOnce, type Transfer } from './transfers.ts'
import { writeBlobFile } from './write-blob-file.ts'

/**
 * The blob store beside its limits, in turns, in one run: moving blobs against the tools that do the same, and what
 * 100,000 blobs cost at the start, in memory and when room is needed. TMPDIR decides which disk it is about.
 */
const MiB = 1024 * 1024
const ONE_BYTES = 1024 * MiB
const MANY = 1000
const INDEXED = 100_000

const { values: options } = parseArgs({ options: { repeats: { type: 'string', default: '3' } } })
const repeats = Number(options.repeats)
const loadBefore = loadavg()

await using temp = await createTempDir()
const folder = temp.path
const manyFolder = join(folder, 'many-source')
await mkdir(manyFolder)
const one = await writeBlobFile(join(folder, 'one-source'), 'one', ONE_BYTES)
const many: BlobFile[] = []
const random = seededRandom(1)
while (many.length < MANY) {
  // Half of them have two pieces.
  const sizeBytes = Math.round((0.5 + random()) * MiB)
  many.push(await writeBlobFile(join(manyFolder, `${many.length}`), `many ${many.length}`, sizeBytes))
}
const lists = { one: join(folder, 'one.json'), many: join(folder, 'many.json') }
await writeFile(lists.one, JSON.stringify([one]))
await writeFile(lists.many, JSON.stringify(many))
const heldOne = join(folder, 'held-one')
const heldMany = join(folder, 'held-many')
await layOut(heldOne, [one])
await layOut(heldMany, many)
await rebuildIndex(heldOne, [one])

const init = { folder, one, many, manyFolder, lists, heldOne }
await checkFollowers(init)
const transfers: Transfer[] = []
for (let round = 1; round <= repeats; round++) {
  for await (const transfer of transferOnce(init)) {
    transfers.push(transfer)
    process.stderr.write(`round ${round} of ${repeats}: ${transfer.work}\u001B[K\r`)
  }
}
process.stderr.write('many blobs\u001B[K\r')
const result = {
  repeats,
  loadBefore,
  transfers: summarize(transfers),
  rebuiltLarger: { blobs: MANY, bytes: sizeOf(many), rebuilt: await rebuildIndex(heldMany, many) },
  manyBlobs: [
    await runWithManyBlobs({ folder, blobs: INDEXED, manifests: false, repeats }),
    await runWithManyBlobs({ folder, blobs: INDEXED, manifests: true, repeats }),
  ],
  loadAfter: loadavg(),
}
printReport(result)
const command = `npm run bench:store -- --repeats ${options.repeats}`
console.log(`raw samples: ${await writeResult('store', command, result)}`)
console.log(`report: ${await writeReport(result)}`)

function sizeOf(files: readonly BlobFile[]): number {
  return files.reduce((bytes, { sizeBytes }) => bytes + sizeBytes, 0)
}
