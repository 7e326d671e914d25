import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import type { BlobFile } from './blob-file.ts'
import { writeManyBlobs } from './many-blobs.ts'
import { runMeasure } from './run-measure.ts'
import { runInShell } from './shell-limit.ts'

/** A data folder whose index was there when it was opened; times from the call that opens it. */
export interface OpenedIndex {
  readonly openMs: number
  /** When the first blob had been read. */
  readonly firstReadMs: number
  readonly reconciledMs: number
  readonly longestLoopBlockMs: number
  readonly heapBytesPerBlob: number
  readonly peakMemoryBytes: number
}

/** A data folder whose index was gone; times from the call that opens it. */
export interface RebuiltIndex {
  readonly openMs: number
  readonly firstReadMs: number
  /** Until every blob was indexed. */
  readonly seconds: number
  /** How long each blob took that was read meanwhile. */
  readonly readMs: readonly number[]
  readonly longestLoopBlockMs: number
  readonly heapBytesPerBlob: number
  readonly peakMemoryBytes: number
}

/** A tenth of the bytes that were held, evicted at once. */
interface Eviction {
  /** How long the fill waited that brought the store above its mark. */
  readonly startFillMs: number
  readonly seconds: number
  readonly evicted: number
  readonly longestLoopBlockMs: number
  readonly peakMemoryBytes: number
}

/** What was measured with one set of many small blobs. */
export interface ManyBlobsRun {
  readonly blobs: number
  readonly bytes: number
  readonly manifests: boolean
  readonly rebuilt: RebuiltIndex
  readonly opened: readonly OpenedIndex[]
  readonly eviction: Eviction
}

export interface ManyBlobsRunInit {
  readonly folder: string
  readonly blobs: number
  readonly manifests: boolean
  /** How often the data folder is opened with its index. */
  readonly repeats: number
}

/** Makes a data folder with many small blobs, has its index made, opens it with the index, and has a tenth evicted. */
export async function runWithManyBlobs(init: ManyBlobsRunInit): Promise<ManyBlobsRun> {
  const { folder, blobs, manifests, repeats } = init
  const dataDir = join(folder, 'many')
  const files = writeManyBlobs(dataDir, blobs, { manifests })
  // Else the disk would still be busy with these files while it is measured.
  await runInShell(folder, 'sync -f .')
  const rebuilt = await rebuildIndex(dataDir, files)
  const opened: OpenedIndex[] = []
  while (opened.length < repeats) opened.push(await runMeasure('open-index', { dataDir, blobs }))
  const bytes = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  const eviction = await runMeasure<Eviction>('evict-blobs', { dataDir, heldBytes: bytes })
  await rm(dataDir, { recursive: true })
  return { blobs, bytes, manifests, rebuilt, opened, eviction }
}

/** Has the index of a data folder made again from the files that it holds. */
export async function rebuildIndex(dataDir: string, files: readonly BlobFile[]): Promise<RebuiltIndex> {
  const list = `${dataDir}.json`
  await writeFile(list, JSON.stringify(files))
  return runMeasure<RebuiltIndex>('rebuild-index', { dataDir, list })
}
