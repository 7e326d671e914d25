import {
  DataDirError,
  type BlobStore,
  type CacheRule,
  type Clock,
  type CopyCounts,
  type Digest,
  type HoldingsSummary,
  type LinkStore,
  type Log,
  type Metrics,
  type PeerStore,
  type PinStore,
  type TagStore,
  type UpstreamAnswerStore,
} from '@layermesh/interface'
import { BufferPool } from './buffer-pool.ts'
import { BlobFiles } from './blob-files.ts'
import { DataLayout, LAYOUT_VERSION, layoutVersionOf } from './data-layout.ts'
import { DiskBlobStore } from './disk-blob-store.ts'
import { systemDisk, type Disk } from './disk.ts'
import { evictionRankOf } from './eviction-rank.ts'
import { Evictor } from './evictor.ts'
import type { FaultHook } from './fault-point.ts'
import { FilePinStore } from './file-pin-store.ts'
import { createFolder } from './folders.ts'
import type { PaceKeeper } from './hash-file.ts'
import { ImageCatalog } from './image-catalog.ts'
import { sortLeftoverFills } from './leftover-fills.ts'
import { makeRoom } from './make-room.ts'
import { pinnedDigests } from './pinned-digests.ts'
import { PausedFills } from './paused-fills.ts'
import { PullLeases } from './pull-leases.ts'
import { Quarantine } from './quarantine.ts'
import { digestsPinnedByRules } from './rule-pins.ts'
import { Room } from './room.ts'
import { Scrubber } from './scrubber.ts'
import type { SpaceLimits } from './space-plan.ts'
import { steadyTime } from './steady-time.ts'
import { openStorageDatabase } from './storage-database.ts'
import { createStorageMetrics } from './storage-metrics.ts'
import { reasonOf } from './system-error.ts'
import { Upkeep } from './upkeep.ts'
import { WrongFiles } from './wrong-files.ts'

export interface StorageDeps {
  readonly log: Log
  readonly clock: Clock
  readonly metrics: Metrics
  /** How many other nodes hold a blob: what others have is evicted first. @default nobody holds anything */
  readonly copiesOf?: (digest: Digest) => CopyCounts
  /** @default the machine's own file system */
  readonly disk?: Disk
  /** For crash tests: called between the steps of whatever changes the disk. */
  readonly faultHook?: FaultHook
}

export interface StorageInit {
  /** Folder of all that is kept; created when it doesn't exist. One daemon at a time. */
  readonly dataDir: string
  /** Tells this node from others, so that not all evict the same. @default the same for all */
  readonly nodeId?: string
  /** @default no limits */
  readonly limits?: SpaceLimits
  /** How long a blob that nobody uses is kept, in milliseconds; 0 for ever. @default 0 */
  readonly unusedForMs?: number
  /** In which time every blob is verified once, in milliseconds; 0 for never. @default 0 */
  readonly scrubEveryMs?: number
  /** What is never evicted; see {@link digestsPinnedByRules}. @default none */
  readonly rules?: readonly CacheRule[]
}

/** Everything that a node keeps on disk. */
export interface Storage {
  readonly blobs: BlobStore
  readonly tags: TagStore
  readonly links: LinkStore
  readonly pins: PinStore
  readonly peers: PeerStore
  readonly answers: UpstreamAnswerStore
  /** The blobs as images. */
  readonly images: ImageCatalog
  /** Blobs and bytes held, as far as they are known: see `reconciled`. */
  totals(): HoldingsSummary
  /** All bytes that count against the budget, and the budget. */
  space(): { readonly usedBytes: number; readonly maxBytes: number }
  /** The time that uses are noted in: Unix time in milliseconds, which never jumps. */
  nowMs(): number
  /** Hashes a blob's file now; false when it was wrong, and the blob is gone. */
  verify(digest: Digest, keepPace?: PaceKeeper): Promise<boolean>
  /** Resolves once the index has been compared with the files; never rejects. */
  readonly reconciled: Promise<void>
  /** Lets go of the data folder. End fills and dispose of handles before. Idempotent. */
  close(): Promise<void>
}

/** Manifests and configs are evicted last as long as they take no more than this share of the budget. */
const PROTECTED_SHARE = 0.05

const NO_LIMITS: SpaceLimits = { maxBytes: Infinity, minFreeBytes: 0 }
const NO_COPIES: CopyCounts = { site: 0, region: 0, world: 0 }

/**
 * Opens a data folder and repairs what a crash has left; comparing the index with the files goes on in the background.
 *
 * Throws ERR_DATA_DIR, with one line for a person, when the folder can't be created or written, is in use by another
 * daemon, or was written by a newer version.
 */
export async function openStorage(deps: StorageDeps, init: StorageInit): Promise<Storage> {
  const { log, clock, disk = systemDisk, faultHook = () => {}, copiesOf = () => NO_COPIES } = deps
  const { dataDir, nodeId = '', limits = NO_LIMITS, unusedForMs = 0, scrubEveryMs = 0, rules = [] } = init
  const nowMs = steadyTime(clock)
  const layout = new DataLayout(dataDir)
  await usingDataDir(layout, () => prepareFolders(disk, layout))
  const { db, index, tags, links, peers, answers } = await openStorageDatabase(
    { log, clock, nowMs, faultHook },
    layout,
  )
  const paused = new PausedFills({ disk, log })
  const quarantine = new Quarantine({ disk, log }, layout.quarantine)
  const files = new BlobFiles({ disk, layout, faultHook })
  const wrongFiles = new WrongFiles({ files, quarantine, log, faultHook })
  let pins: PinStore
  try {
    // Only who holds the lock may take fills for leftovers.
    pins = await usingDataDir(layout, async () => {
      await sortLeftoverFills({ log, clock, disk, layout, paused })
      await disk.remove(layout.brokenIndex)
      await quarantine.load()
      return FilePinStore.load({ log, disk }, layout.pins)
    })
  } catch (error) {
    await db.close()
    throw error
  }

  const { lastCopyEvictions, removedBytes, scrubbedBytes } = createStorageMetrics(deps.metrics)
  const pool = new BufferPool()
  const leases = new PullLeases(nowMs)
  const remove: BlobStore['remove'] = (digest, reason) => blobs.remove(digest, reason)
  const pinned = async () =>
    (await pinnedDigests({ pins, tags, graph: index.graph })).union(
      await digestsPinnedByRules({ index, links, tags }, rules),
    )
  const evictor = new Evictor(
    { log, index, leases, pins, pinned, copiesOf, remove, nowMs, lastCopyEvictions },
    { protectedBytes: limits.maxBytes * PROTECTED_SHARE, rankOf: evictionRankOf(nodeId) },
  )
  const room = new Room(
    {
      freeBytes: () => disk.freeBytes(layout.root),
      heldBytes: () => index.totals.bytes + paused.bytes + quarantine.bytes + wrongFiles.stuckBytes,
      makeRoom: (bytes, options) => makeRoom({ paused, quarantine, evictor }, bytes, options),
    },
    limits,
  )
  const blobs = new DiskBlobStore({
    ...{
      log,
      nowMs,
      disk,
      pool,
      layout,
      index,
      room,
      paused,
      leases,
      files,
      wrongFiles,
      links,
      removedBytes,
    },
    faultHook,
  })
  const upkeep = new Upkeep(
    {
      ...{ clock, log, nowMs, index, room, evictor, paused, tags, links, remove },
      isFilling: (digest) => blobs.isFilling(digest),
    },
    unusedForMs,
  )
  const verify = blobs.verify.bind(blobs)
  const scrubber = new Scrubber({ clock, log, nowMs, index, verify, scrubbedBytes }, scrubEveryMs)

  const closing = new AbortController()
  const { signal } = closing
  const reconciled = reconcile(blobs, { log, clock }, signal)
  const loops = [
    reconciled,
    reconciled.then(() => upkeep.run(signal)),
    reconciled.then(() => (scrubEveryMs > 0 ? scrubber.run(signal) : undefined)),
  ]
  let closed: Promise<void> | undefined
  return {
    ...{ blobs, tags, links, pins, peers, answers, nowMs, verify, reconciled },
    images: new ImageCatalog({ index, links, tags, pins, paused, remove }),
    totals: () => blobs.totals,
    space: () => ({ usedBytes: room.usedBytes, maxBytes: limits.maxBytes }),
    close() {
      closed ??= (async () => {
        closing.abort()
        await Promise.all(loops)
        await room.whenQuiet()
        await index.flush().catch((err: unknown) => log.warn({ err }, 'index not written'))
        await tags.whenPruned()
        await db.close()
      })()
      return closed
    },
  }
}

/** Compares index and files in the background. Never rejects. */
async function reconcile(
  blobs: DiskBlobStore,
  { log, clock }: Pick<StorageDeps, 'log' | 'clock'>,
  signal: AbortSignal,
): Promise<void> {
  const startedMs = clock.monotonicMs()
  try {
    await blobs.reconcile(signal)
    const durationMs = Math.round(clock.monotonicMs() - startedMs)
    log.info({ ...blobs.totals, durationMs }, 'blob index reconciled')
  } catch (err) {
    if (!signal.aborted) log.error({ err }, 'blob index not reconciled')
  }
}

async function prepareFolders(disk: Disk, layout: DataLayout): Promise<void> {
  await createFolder(disk, layout.dataDir)
  await requireKnownLayout(disk, layout)
  const algorithmFolders = layout.algorithmFolders.map(({ path }) => path)
  for (const path of [...algorithmFolders, layout.fills]) await createFolder(disk, path)
  // Else a power cut could take the folders with the blobs that were committed into them, also those of an earlier run.
  for (const path of [...algorithmFolders, layout.blobs, layout.root, layout.dataDir])
    await disk.syncFolder(path)
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
