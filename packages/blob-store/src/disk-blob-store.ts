import type { FileHandle } from 'node:fs/promises'
import { SingleFlight } from '@layermesh/async'
import {
  BlobDamagedError,
  BlobNotFoundError,
  type BlobHandle,
  type BlobStat,
  type BlobStore,
  type ContentRef,
  type Counter,
  type Digest,
  type Fill,
  type HoldingsListener,
  type HoldingsSummary,
  pieceBytesFor,
  type PieceTable,
  type RemovalReason,
  type Unsubscribe,
} from '@layermesh/interface'
import type { BlobEntry } from './blob-entry.ts'
import type { NewBlob } from './blob-index.ts'
import type { BlobFiles } from './blob-files.ts'
import { CheckedPieces } from './checked-pieces.ts'
import { DiskBlobHandle } from './disk-blob-handle.ts'
import type { VerifiedFile } from './disk-fill.ts'
import { DiskFills, type DiskFillsDeps } from './disk-fills.ts'
import type { DiskStat } from './disk.ts'
import { hashFile, type HashedFile, type PaceKeeper } from './hash-file.ts'
import { KeyedQueue } from './keyed-queue.ts'
import type { LevelLinkStore } from './level-link-store.ts'
import { PieceGrid } from './piece-grid.ts'
import type { PullLeases } from './pull-leases.ts'
import { readManifestFile } from './read-manifest-file.ts'
import { findUnsettled } from './reconcile.ts'
import { SharedFile } from './shared-file.ts'
import { firstUsage, usedAgain } from './usage.ts'
import type { WrongFiles } from './wrong-files.ts'

export interface DiskBlobStoreDeps extends Omit<DiskFillsDeps, 'publish'> {
  readonly leases: PullLeases
  readonly files: BlobFiles
  readonly wrongFiles: WrongFiles
  readonly links: LevelLinkStore
  /** By `reason`. */
  readonly removedBytes: Counter
}

/** Blobs that are compared with their files at once: enough to keep the disk busy, few enough for others to get at it. */
const SETTLED_AT_ONCE = 4

/**
 * Blobs as files. A file has its final name only after it has been verified and written through, so the files are
 * the truth; where the index disagrees with them, the index is corrected as soon as anybody notices. And because disks
 * forget, no byte is handed out that hasn't been hashed since the daemon started or the file was last changed.
 */
export class DiskBlobStore implements BlobStore {
  readonly #deps: DiskBlobStoreDeps
  readonly #fills: DiskFills
  /** Everything that changes a blob's file or entry; reading needs no turn. */
  readonly #changes = new KeyedQueue<Digest>()
  readonly #tables = new SingleFlight<BlobEntry, PieceTable>()
  readonly #listeners = new Set<HoldingsListener>()

  constructor(deps: DiskBlobStoreDeps) {
    this.#deps = deps
    this.#fills = new DiskFills({ ...deps, publish: (file) => this.#publish(file) })
  }

  /** How many blobs and bytes are held; may differ from the files until `reconcile` is done. */
  get totals(): HoldingsSummary {
    return this.#deps.index.totals
  }

  /**
   * Compares the index with the folders and corrects it, while the store is being used. Rejects with `signal.reason`
   * when it is aborted.
   */
  async reconcile(signal: AbortSignal): Promise<void> {
    const { disk, index, layout, log } = this.#deps
    const unsettled = findUnsettled(disk, layout, index, signal)
    const settleNext = async () => {
      for await (const digest of unsettled) {
        try {
          await this.#changes.run(digest, () => this.#settle(digest))
        } catch (err) {
          // One file that can't be read must not keep all others from being found.
          log.warn({ digest, err }, 'blob not reconciled')
        }
      }
    }
    const settling = Array.from({ length: SETTLED_AT_ONCE }, settleNext)
    // When it is aborted the others are at their last blob: wait for them, so that none works on after the end.
    await Promise.allSettled(settling)
    await Promise.all(settling)
  }

  knows(digest: Digest): boolean {
    return this.#deps.index.get(digest) !== undefined
  }

  async stat(digest: Digest): Promise<BlobStat | undefined> {
    const entry = this.#deps.index.get(digest)
    const file = await this.#deps.files.stat(digest)
    if (entry?.stat.sizeBytes === file?.size) return entry?.stat
    return (await this.#changes.run(digest, () => this.#settle(digest)))?.stat
  }

  async open(digest: Digest): Promise<BlobHandle> {
    for (;;) {
      const entry = await this.#held(digest)
      if (entry === undefined) throw new BlobNotFoundError(digest)
      const file = new SharedFile(await this.#deps.files.open(digest))
      let isOurs = false
      try {
        isOurs = await this.#belongsTo(entry, file.handle)
      } finally {
        // If it isn't, the blob went meanwhile, and may have come again.
        if (!isOurs) await file.release()
      }
      if (!isOurs) continue
      this.#use(entry)
      entry.readers++
      file.onClose(() => entry.readers--)
      return new DiskBlobHandle(digest, this.#sourceOf(entry, file), file, this.#deps.pool)
    }
  }

  async pieceTable(digest: Digest): Promise<PieceTable> {
    const entry = await this.#held(digest)
    if (entry === undefined) throw new BlobNotFoundError(digest)
    return this.#tableOf(entry)
  }

  pausedSizeBytes(digest: Digest): Promise<number | undefined> {
    return Promise.resolve(this.#deps.paused.find(digest)?.blob.sizeBytes)
  }

  /** Whether a fill of a blob is under way. */
  isFilling(digest: Digest): boolean {
    return this.#fills.isUnderWay(digest)
  }

  startFill(digest: Digest, sizeBytes: number): Promise<Fill> {
    return this.#fills.start(digest, sizeBytes)
  }

  used(digest: Digest): void {
    const entry = this.#deps.index.get(digest)
    if (entry !== undefined) this.#use(entry)
  }

  async remove(digest: Digest, reason: RemovalReason): Promise<void> {
    const { faultHook, files, wrongFiles } = this.#deps
    await this.#changes.run(digest, async () => {
      await files.remove(digest)
      wrongFiles.forget(digest)
      await faultHook('blob-unlinked')
      await this.#forget(digest, reason)
    })
  }

  list(): Iterable<BlobStat> {
    return this.#deps.index.entries().map(({ stat }) => stat)
  }

  watch(listener: HoldingsListener): Unsubscribe {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /**
   * Hashes a blob's file. Resolves to whether it is right; a file that isn't is put into quarantine, and the blob is
   * gone. True for a blob that has gone meanwhile.
   */
  async verify(digest: Digest, keepPace?: PaceKeeper): Promise<boolean> {
    const entry = await this.#held(digest)
    if (entry === undefined) return true
    try {
      return (await this.#verify(entry, keepPace)) !== undefined
    } catch (error) {
      if (error instanceof BlobNotFoundError) return true
      throw error
    }
  }

  async #held(digest: Digest): Promise<BlobEntry | undefined> {
    return (await this.stat(digest)) === undefined ? undefined : this.#deps.index.get(digest)
  }

  /** Makes file and entry agree, and returns what is held then. Only in a turn of `#changes`. */
  async #settle(digest: Digest): Promise<BlobEntry | undefined> {
    const entry = this.#deps.index.get(digest)
    const file = await this.#deps.files.stat(digest)
    if (entry?.stat.sizeBytes === file?.size) return entry
    if (file === undefined) this.#deps.wrongFiles.forget(digest)
    if (entry === undefined) return file === undefined ? undefined : this.#adopt(digest, file)
    // A file that somebody has removed is as good as purged; one that has changed its size isn't what was verified.
    if (file === undefined) await this.#forget(digest, 'purged')
    else await this.#lose(entry, `its file has ${file.size} bytes instead of ${entry.stat.sizeBytes}`)
    return undefined
  }

  /** Takes in a file that the index doesn't know, if it is right. Only in a turn of `#changes`. */
  async #adopt(digest: Digest, { size, mtimeMs }: DiskStat): Promise<BlobEntry | undefined> {
    const { files, nowMs, pool, wrongFiles } = this.#deps
    if (wrongFiles.has(digest, mtimeMs)) return undefined
    const stat = { digest, sizeBytes: size, pieceBytes: pieceBytesFor(size) }
    const file = await files.open(digest)
    try {
      const hashed = await hashFile(file, stat, pool)
      if (hashed?.actual !== digest) {
        await wrongFiles.take(digest, size, wrongDigest(hashed))
        return undefined
      }
      const manifest = await readManifestFile(file, size, hashed.firstByte)
      // Nobody knows when it was used last: that it was long ago must not be what ends it.
      const usage = { ...firstUsage(nowMs()), firstUsedAtMs: Math.min(Math.round(mtimeMs), nowMs()) }
      const { pieceHashes } = hashed
      const entry = await this.#index({ stat, usage, verifiedAtMs: nowMs(), pieceHashes, manifest })
      if (entry === undefined) return undefined
      entry.checked = new CheckedPieces(new PieceGrid(size, stat.pieceBytes), mtimeMs, true)
      this.#tellAdded(stat)
      return entry
    } finally {
      await file.close()
    }
  }

  /** Adds a blob to the index. One that can't be written is held all the same: the file is the truth, and the next start indexes it. */
  async #index(blob: NewBlob): Promise<BlobEntry | undefined> {
    const { index, log } = this.#deps
    const { digest } = blob.stat
    try {
      return await index.add(blob)
    } catch (err) {
      log.warn({ digest, err }, 'index not written')
      return index.get(digest)
    }
  }

  /**
   * Whether a file that was opened after `entry` was found is the file of it, and notes what is known of its pieces:
   * it is if the blob has been held ever since.
   */
  async #belongsTo(entry: BlobEntry, file: FileHandle): Promise<boolean> {
    const { digest, sizeBytes, pieceBytes } = entry.stat
    const { size, mtimeMs } = await file.stat()
    if (this.#deps.index.get(digest) !== entry || size !== sizeBytes) return false
    if (entry.checked?.mtimeMs !== mtimeMs) {
      entry.checked = new CheckedPieces(new PieceGrid(size, pieceBytes), mtimeMs, false)
    }
    return true
  }

  /** What readers of a finished blob read from: each piece is hashed before the first of them gets any of it. */
  #sourceOf(entry: BlobEntry, file: SharedFile) {
    const { digest, sizeBytes, pieceBytes } = entry.stat
    const { checked } = entry
    const grid = new PieceGrid(sizeBytes, pieceBytes)
    let table: Promise<PieceTable> | undefined
    return {
      file: file.handle,
      sizeBytes,
      readableEnd: async (offset: number, limit: number) => {
        if (checked === undefined || checked.isComplete) return limit
        table ??= this.#tableFor(entry, file.handle)
        if (!(await checked.check(file, await table, offset, this.#deps.pool))) {
          const what = `piece ${grid.indexOf(offset)} does not have its hash`
          await this.#changes.run(digest, () => this.#lose(entry, what))
          throw new BlobDamagedError(digest, what)
        }
        return Math.min(limit, grid.endOf(grid.indexOf(offset)))
      },
      inMemory: () => undefined,
      beforeChunk() {},
      endedAt: async (offset: number) => {
        const what = `its file can't be read from byte ${offset} of ${sizeBytes} on`
        await this.#changes.run(digest, () => this.#lose(entry, what))
        return new BlobDamagedError(digest, what)
      },
    }
  }

  #use(entry: BlobEntry): void {
    const { index, nowMs } = this.#deps
    index.used(entry, usedAgain(entry.usage, nowMs()))
    this.#keepForPull(entry.stat.digest)
  }

  /** Who has got a manifest is about to ask for the rest of the image. */
  #keepForPull(digest: Digest): void {
    const { index, leases } = this.#deps
    const references = index.graph.referencesOf(digest)
    if (references.length > 0) leases.take([digest, ...references.map((reference) => reference.digest)])
  }

  /** Ends the holding of a blob whose bytes aren't right. Only in a turn of `#changes`. */
  async #lose(entry: BlobEntry, reason: string): Promise<void> {
    const { digest, sizeBytes } = entry.stat
    // Whatever was committed meanwhile isn't the file that was found wrong.
    if (this.#deps.index.get(digest) !== entry) return
    await this.#deps.wrongFiles.take(digest, sizeBytes, reason)
    await this.#forget(digest, 'damaged')
  }

  /** Removes an entry, whose file has gone. Only in a turn of `#changes`. */
  async #forget(digest: Digest, reason: RemovalReason): Promise<void> {
    const { faultHook, index, log, removedBytes } = this.#deps
    const entry = index.get(digest)
    const links = entry === undefined ? [] : await this.#linksOf(digest)
    try {
      await index.remove(digest, [this.#deps.links.removing(digest)])
    } catch (err) {
      // It is gone from memory; the next start compares the index with the files.
      log.warn({ digest, err }, 'index not written')
    }
    await faultHook('blob-forgotten')
    if (entry === undefined) return
    removedBytes.add(entry.stat.sizeBytes, { reason })
    for (const listener of this.#listeners) listener.removed?.(digest, reason, links)
  }

  async #linksOf(digest: Digest): Promise<readonly ContentRef[]> {
    try {
      return await this.#deps.links.of(digest)
    } catch (err) {
      this.#deps.log.warn({ digest, err }, 'links unreadable')
      return []
    }
  }

  #tellAdded(stat: BlobStat): void {
    for (const listener of this.#listeners) listener.added?.(stat)
  }

  /** The commit of a fill, after the bytes were found right. Each step may be the last one before a crash. */
  #publish({ stat, path, file, pieceHashes }: VerifiedFile): Promise<void> {
    const { disk, faultHook, files, nowMs, wrongFiles } = this.#deps
    const { digest, sizeBytes, pieceBytes } = stat
    return this.#changes.run(digest, async () => {
      await faultHook('blob-verified')
      if ((await this.#settle(digest)) !== undefined) {
        await disk.remove(path)
        return
      }
      await file.handle.datasync()
      await faultHook('file-synced')
      const manifest = await readManifestFile(file.handle, sizeBytes)
      const { mtimeMs } = await file.handle.stat()
      await files.moveIn(path, digest)
      wrongFiles.forget(digest)
      const blob = { stat, usage: firstUsage(nowMs()), verifiedAtMs: nowMs(), pieceHashes, manifest }
      const entry = await this.#index(blob)
      this.#keepForPull(digest)
      if (entry !== undefined) {
        entry.checked = new CheckedPieces(new PieceGrid(sizeBytes, pieceBytes), mtimeMs, true)
        // Those who have followed the fill may be reading still.
        entry.readers++
        file.onClose(() => entry.readers--)
      }
      await faultHook('blob-indexed')
      this.#tellAdded(stat)
    })
  }

  async #tableOf(entry: BlobEntry): Promise<PieceTable> {
    const { index, log } = this.#deps
    const { digest, pieceBytes } = entry.stat
    const stored = await index.pieceTable(entry.stat).catch((err: unknown) => {
      log.warn({ digest, err }, 'piece table unreadable')
      return undefined
    })
    return (
      stored ??
      this.#tables.run(entry, async () => {
        const hashed = await this.#verify(entry)
        if (hashed === undefined) throw new BlobDamagedError(digest, 'they have another digest')
        return { pieceBytes, hashes: hashed.pieceHashes }
      })
    )
  }

  /** The piece table for one who has the file open: when the blob has been removed since, its table went with it. */
  async #tableFor(entry: BlobEntry, file: FileHandle): Promise<PieceTable> {
    const { digest, pieceBytes } = entry.stat
    try {
      return await this.#tableOf(entry)
    } catch (error) {
      if (!(error instanceof BlobNotFoundError)) throw error
      const hashed = await hashFile(file, entry.stat, this.#deps.pool)
      if (hashed?.actual !== digest) throw new BlobDamagedError(digest, wrongDigest(hashed))
      return { pieceBytes, hashes: hashed.pieceHashes }
    }
  }

  /** Hashes the whole file of a blob; undefined when it is wrong, and the blob is lost then. */
  async #verify(entry: BlobEntry, keepPace?: PaceKeeper): Promise<HashedFile | undefined> {
    const { files, index, log, nowMs, pool } = this.#deps
    const { digest, sizeBytes, pieceBytes } = entry.stat
    const file = await files.open(digest)
    try {
      const { mtimeMs } = await file.stat()
      const hashed = await hashFile(file, entry.stat, pool, keepPace)
      const isRight = hashed?.actual === digest
      await this.#changes.run(digest, async () => {
        // Whatever was removed or committed meanwhile isn't the file that was hashed.
        if (index.get(digest) !== entry) return
        if (!isRight) return this.#lose(entry, wrongDigest(hashed))
        const manifest = await readManifestFile(file, sizeBytes, hashed.firstByte)
        const { pieceHashes } = hashed
        await index
          .verified(entry, { verifiedAtMs: nowMs(), pieceHashes, manifest })
          .catch((err: unknown) => {
            log.warn({ digest, err }, 'index not written')
          })
        entry.checked = new CheckedPieces(new PieceGrid(sizeBytes, pieceBytes), mtimeMs, true)
      })
      return isRight ? hashed : undefined
    } finally {
      await file.close()
    }
  }
}

function wrongDigest(hashed: HashedFile | undefined): string {
  return hashed === undefined
    ? 'its file is too short or unreadable'
    : `its file has the digest ${hashed.actual}`
}
