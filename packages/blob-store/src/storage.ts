import {
  DataDirError,
  type BlobStore,
  type Clock,
  type HoldingsSummary,
  type Log,
  type PeerStore,
  type PinStore,
} from '@layermesh/interface'
import { DataLayout, LAYOUT_VERSION, layoutVersionOf } from './data-layout.ts'
import { DiskBlobStore } from './disk-blob-store.ts'
import { systemDisk, type Disk } from './disk.ts'
import type { FaultHook } from './fault-point.ts'
import { FilePinStore } from './file-pin-store.ts'
import { createFolder } from './folders.ts'
import { sortLeftoverFills } from './leftover-fills.ts'
import type { LevelLinkStore } from './level-link-store.ts'
import type { LevelTagStore } from './level-tag-store.ts'
import { PausedFills } from './paused-fills.ts'
import { openStorageDatabase } from './storage-database.ts'
import { reasonOf } from './system-error.ts'

export interface StorageDeps {
  readonly log: Log
  readonly clock: Clock
  /** @default the machine's own file system */
  readonly disk?: Disk
  /** For crash tests: called between the steps of each commit. */
  readonly faultHook?: FaultHook
}

export interface StorageInit {
  /** Folder of all that is kept; created when it doesn't exist. One daemon at a time. */
  readonly dataDir: string
}

/** Everything that a node keeps on disk. */
export interface Storage {
  readonly blobs: BlobStore
  readonly tags: LevelTagStore
  readonly links: LevelLinkStore
  readonly pins: PinStore
  readonly peers: PeerStore
  /** Blobs and bytes held, as far as they are known: see `reconciled`. */
  totals(): HoldingsSummary
  /** Resolves once the index has been compared with the files; never rejects. */
  readonly reconciled: Promise<void>
  /** Lets go of the data folder. End fills and dispose of handles before. Idempotent. */
  close(): Promise<void>
}

/**
 * Opens a data folder and repairs what a crash has left; comparing the index with the files goes on in the background.
 *
 * Throws ERR_DATA_DIR, with one line for a person, when the folder can't be created or written, is in use by another
 * daemon, or was written by a newer version.
 */
export async function openStorage(deps: StorageDeps, init: StorageInit): Promise<Storage> {
  const { log, clock, disk = systemDisk, faultHook = () => {} } = deps
  const layout = new DataLayout(init.dataDir)
  await usingDataDir(layout, () => prepareFolders(disk, layout))
  const { db, index, tags, links, peers } = await openStorageDatabase({ log, clock, faultHook }, layout)
  const paused = new PausedFills({ disk, log })
  let pins: PinStore
  try {
    // Only who holds the lock may take fills for leftovers.
    await usingDataDir(layout, async () => {
      await sortLeftoverFills({ log, clock, disk, layout, paused })
      await disk.remove(layout.brokenIndex)
    })
    pins = await usingDataDir(layout, () => FilePinStore.load({ log, disk }, layout.pins))
  } catch (error) {
    await db.close()
    throw error
  }

  const blobs = new DiskBlobStore({ log, clock, disk, index, layout, paused, faultHook })
  const closing = new AbortController()
  const startedMs = clock.monotonicMs()
  const reconciled = blobs.reconcile(closing.signal).then(
    () =>
      log.info(
        { ...blobs.totals, durationMs: Math.round(clock.monotonicMs() - startedMs) },
        'blob index reconciled',
      ),
    (error: unknown) => {
      if (!closing.signal.aborted) log.error({ err: error }, 'blob index not reconciled')
    },
  )
  return {
    blobs,
    tags,
    links,
    pins,
    peers,
    totals: () => blobs.totals,
    reconciled,
    async close() {
      closing.abort()
      await reconciled
      await tags.whenPruned()
      await db.close()
    },
  }
}

async function prepareFolders(disk: Disk, layout: DataLayout): Promise<void> {
  await createFolder(disk, layout.dataDir)
  await requireKnownLayout(disk, layout)
  for (const { path } of layout.algorithmFolders) await createFolder(disk, path)
  await createFolder(disk, layout.fills)
  // Else a power cut could take the folders with the blobs that were committed into them.
  for (const path of [layout.blobs, layout.root, layout.dataDir]) await disk.syncFolder(path)
}

/** A newer daemon may have moved on from our folder: what is in it then is old, and what is new we can't read. */
async function requireKnownLayout(disk: Disk, layout: DataLayout): Promise<void> {
  const versions = (await disk.readdir(layout.dataDir)).map((name) => layoutVersionOf(name) ?? 0)
  const newest = Math.max(0, ...versions)
  if (newest > LAYOUT_VERSION) {
    throw new DataDirError(
      `data folder ${layout.dataDir} was written by a newer layermesh (layout v${newest}, this one knows v${LAYOUT_VERSION})`,
    )
  }
}

/** Says of any failure which folder it is about. */
async function usingDataDir<T>(layout: DataLayout, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    if (cause instanceof DataDirError) throw cause
    throw new DataDirError(`data folder ${layout.dataDir} can't be used: ${reasonOf(cause)}`, { cause })
  }
}
