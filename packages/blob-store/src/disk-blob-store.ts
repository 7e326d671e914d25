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
  type PieceTable,
  type RemovalReason,
  type Unsubscribe,
} from '@layermesh/interface'
import type { BlobEntry } from './blob-entry.ts'
import { BlobFolders } from './blob-folders.ts'
import { CheckedPieces } from './checked-pieces.ts'
import { DiskBlobHandle } from './disk-blob-handle.ts'
import type { VerifiedFile } from './disk-fill.ts'
import { DiskFills, type DiskFillsDeps } from './disk-fills.ts'
import type { DiskStat } from './disk.ts'
import { hashFile, type HashedFile, type PaceKeeper } from './hash-file.ts'
import { KeyedQueue } from './keyed-queue.ts'
import type { LevelLinkStore } from './level-link-store.ts'
import { PieceGrid } from './piece-grid.ts'
import { pieceBytesFor } from './piece-size.ts'
import type { PullLeases } from './pull-leases.ts'
import type { Quarantine } from './quarantine.ts'
import { readManifestFile } from './read-manifest-file.ts'
import { findUnsettled } from './reconcile.ts'
import { SharedFile } from './shared-file.ts'
import { isSystemError } from './system-error.ts'
import { firstUsage, usedAgain } from './usage.ts'

export interface DiskBlobStoreDeps extends Omit<DiskFillsDeps, 'publish'> {
  readonly leases: PullLeases
  readonly quarantine: Quarantine
  readonly links: LevelLinkStore
  /** By `reason`. */
  readonly removedBytes: Counter
  /** The store's time in milliseconds. */
  readonly nowMs: () => number
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
  readonly #folders: BlobFolders
  /** Everything that changes a blob's file or entry; reading needs no turn. */
  readonly #changes = new KeyedQueue<Digest>()
  readonly #tables = new SingleFlight<BlobEntry, PieceTable>()
  readonly #listeners = new Set<HoldingsListener>()

  constructor(deps: DiskBlobStoreDeps) {
    this.#deps = deps
    this.#folders = new BlobFolders(deps.disk)
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
    const { disk, index, layout } = this.#deps
    const unsettled = findUnsettled(disk, layout, index, signal)
    const settleNext = async () => {
      for await (const digest of unsettled) await this.#changes.run(digest, () => this.#settle(digest))
    }
    const settling = Array.from({ length: SETTLED_AT_ONCE }, settleNext)
    // When one has failed the others are at their last blob: wait for them, so that none works on after the end.
    await Promise.allSettled(settling)
    await Promise.all(settling)
  }

  async stat(digest: Digest): Promise<BlobStat | undefined> {
    const entry = this.#deps.index.get(digest)
    const file = await this.#fileStat(digest)
    if (entry?.stat.sizeBytes === file?.size) return entry?.stat
    return (await this.#changes.run(digest, () => this.#settle(digest)))?.stat
  }

  async open(digest: Digest): Promise<BlobHandle> {
    if ((await this.stat(digest)) === undefined) throw new BlobNotFoundError(digest)
    const file = await this.#openFile(digest)
    const entry = await this.#entryOf(digest, file)
    if (entry === undefined) {
      await file.close()
      throw new BlobNotFoundError(digest)
    }
    this.#use(entry)
    entry.readers++
    const shared = new SharedFile(file)
    shared.onClose(() => entry.readers--)
    return new DiskBlobHandle(digest, this.#sourceOf(entry, file), shared, this.#deps.pool)
  }

  async pieceTable(digest: Digest): Promise<PieceTable> {
    const { index } = this.#deps
    const entry = (await this.stat(digest)) === undefined ? undefined : index.get(digest)
    if (entry === undefined) throw new BlobNotFoundError(digest)
    return this.#tableOf(entry)
  }

  startFill(digest: Digest, sizeBytes: number): Promise<Fill> {
    return this.#fills.start(digest, sizeBytes)
  }

  used(digest: Digest): void {
    const entry = this.#deps.index.get(digest)
    if (entry !== undefined) this.#use(entry)
  }

  async remove(digest: Digest, reason: RemovalReason): Promise<void> {
    const { disk, faultHook, layout } = this.#deps
    await this.#changes.run(digest, async () => {
      await disk.remove(layout.blobPath(digest))
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
    const entry = (await this.stat(digest)) === undefined ? undefined : this.#deps.index.get(digest)
    if (entry === undefined) return true
    return (await this.#verify(entry, keepPace)) !== undefined
  }

  /** Makes file and entry agree, and returns what is held then. Only in a turn of `#changes`. */
  async #settle(digest: Digest): Promise<BlobEntry | undefined> {
    const entry = this.#deps.index.get(digest)
    const file = await this.#fileStat(digest)
    if (entry?.stat.sizeBytes === file?.size) return entry
    if (entry === undefined) return file === undefined ? undefined : this.#adopt(digest, file)
    // A file that somebody has removed is as good as purged; one that has changed its size isn't what was verified.
    if (file === undefined) await this.#forget(digest, 'purged')
    else await this.#lose(entry, `its file has ${file.size} bytes instead of ${entry.stat.sizeBytes}`)
    return undefined
  }

  /** Takes in a file that the index doesn't know, if it is right. Only in a turn of `#changes`. */
  async #adopt(digest: Digest, { size, mtimeMs }: DiskStat): Promise<BlobEntry | undefined> {
    const { index, log, nowMs, pool, quarantine, layout } = this.#deps
    const stat = { digest, sizeBytes: size, pieceBytes: pieceBytesFor(size) }
    const file = await this.#openFile(digest)
    try {
      const hashed = await hashFile(file, stat, pool)
      if (hashed?.actual !== digest) {
        log.warn({ digest, reason: wrongDigest(hashed) }, 'damaged blob quarantined')
        await quarantine.take(layout.blobPath(digest), size)
        return undefined
      }
      const manifest = await readManifestFile(file, size, hashed.firstByte)
      const usage = firstUsage(Math.min(Math.round(mtimeMs), nowMs()))
      const { pieceHashes } = hashed
      const entry = await index.add({ stat, usage, verifiedAtMs: nowMs(), pieceHashes, manifest })
      entry.checked = new CheckedPieces(new PieceGrid(size, stat.pieceBytes), mtimeMs, true)
      this.#tellAdded(stat)
      return entry
    } finally {
      await file.close()
    }
  }

  /** The entry that an open file belongs to, with what is known of its pieces; undefined when it belongs to none. */
  async #entryOf(digest: Digest, file: FileHandle): Promise<BlobEntry | undefined> {
    const { size, mtimeMs } = await file.stat()
    const entry = this.#deps.index.get(digest)
    if (entry?.stat.sizeBytes !== size) return undefined
    if (entry.checked?.mtimeMs !== mtimeMs) {
      entry.checked = new CheckedPieces(new PieceGrid(size, entry.stat.pieceBytes), mtimeMs, false)
    }
    return entry
  }

  /** What readers of a finished blob read from: each piece is hashed before the first of them gets any of it. */
  #sourceOf(entry: BlobEntry, file: FileHandle) {
    const { digest, sizeBytes, pieceBytes } = entry.stat
    const { checked } = entry
    const grid = new PieceGrid(sizeBytes, pieceBytes)
    let table: Promise<PieceTable> | undefined
    return {
      file,
      sizeBytes,
      readableEnd: async (offset: number, limit: number) => {
        if (checked === undefined || checked.isComplete) return limit
        table ??= this.#tableOf(entry)
        if (!(await checked.check(file, await table, offset, this.#deps.pool))) {
          const what = `piece ${grid.indexOf(offset)} does not have its hash`
          await this.#changes.run(digest, () => this.#lose(entry, what))
          throw new BlobDamagedError(digest, what)
        }
        return Math.min(limit, grid.endOf(grid.indexOf(offset)))
      },
      beforeChunk() {},
      endedAt: async (offset: number) => {
        await this.stat(digest)
        return new BlobDamagedError(digest, `its file ends at ${offset} of ${sizeBytes} bytes`)
      },
    }
  }

  #use(entry: BlobEntry): void {
    const { index, leases, nowMs } = this.#deps
    const { digest } = entry.stat
    index.used(entry, usedAgain(entry.usage, nowMs()))
    const references = index.graph.referencesOf(digest)
    if (references.length > 0) leases.take([digest, ...references.map((reference) => reference.digest)])
  }

  /** Ends the holding of a blob whose bytes aren't right. Only in a turn of `#changes`. */
  async #lose(entry: BlobEntry, reason: string): Promise<void> {
    const { index, layout, log, quarantine } = this.#deps
    const { digest, sizeBytes } = entry.stat
    // Whatever was committed meanwhile isn't the file that was found wrong.
    if (index.get(digest) !== entry) return
    log.warn({ digest, reason }, 'damaged blob quarantined')
    try {
      await quarantine.take(layout.blobPath(digest), sizeBytes)
    } catch (err) {
      if (!isSystemError(err, 'ENOENT')) log.error({ digest, err }, 'damaged blob not moved')
    }
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
    const { disk, faultHook, index, layout, log, nowMs } = this.#deps
    const { digest, sizeBytes, pieceBytes } = stat
    return this.#changes.run(digest, async () => {
      await faultHook('blob-verified')
      if ((await this.#settle(digest)) !== undefined) {
        await disk.remove(path)
        return
      }
      await file.handle.datasync()
      await faultHook('file-synced')
      const blobPath = layout.blobPath(digest)
      await this.#folders.moveIn(path, blobPath)
      await faultHook('file-renamed')
      await this.#folders.sync(blobPath)
      await faultHook('folder-synced')
      const manifest = await readManifestFile(file.handle, sizeBytes)
      const { mtimeMs } = await file.handle.stat()
      const blob = { stat, usage: firstUsage(nowMs()), verifiedAtMs: nowMs(), pieceHashes, manifest }
      const entry = await index.add(blob).catch((err: unknown) => {
        // The file is the truth: it is held, and the next start indexes it.
        log.warn({ digest, err }, 'index not written')
        return index.get(digest)
      })
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

  /** Hashes the whole file of a blob; undefined when it is wrong, and the blob is lost then. */
  async #verify(entry: BlobEntry, keepPace?: PaceKeeper): Promise<HashedFile | undefined> {
    const { index, nowMs, pool } = this.#deps
    const { digest, sizeBytes, pieceBytes } = entry.stat
    const file = await this.#openFile(digest)
    try {
      const { mtimeMs } = await file.stat()
      const hashed = await hashFile(file, entry.stat, pool, keepPace)
      const isRight = hashed?.actual === digest
      await this.#changes.run(digest, async () => {
        // Whatever was removed or committed meanwhile isn't the file that was hashed.
        if (index.get(digest) !== entry) return
        if (!isRight) return this.#lose(entry, wrongDigest(hashed))
        const manifest = await readManifestFile(file, sizeBytes, hashed.firstByte)
        await index.verified(entry, { verifiedAtMs: nowMs(), pieceHashes: hashed.pieceHashes, manifest })
        entry.checked = new CheckedPieces(new PieceGrid(sizeBytes, pieceBytes), mtimeMs, true)
      })
      return isRight ? hashed : undefined
    } finally {
      await file.close()
    }
  }

  async #openFile(digest: Digest): Promise<FileHandle> {
    try {
      return await this.#deps.disk.open(this.#deps.layout.blobPath(digest), 'r')
    } catch (cause) {
      if (isSystemError(cause, 'ENOENT')) throw new BlobNotFoundError(digest, { cause })
      throw cause
    }
  }

  async #fileStat(digest: Digest): Promise<DiskStat | undefined> {
    try {
      return await this.#deps.disk.stat(this.#deps.layout.blobPath(digest))
    } catch (error) {
      if (isSystemError(error, 'ENOENT')) return undefined
      throw error
    }
  }
}

function wrongDigest(hashed: HashedFile | undefined): string {
  return hashed === undefined ? 'its file is too short' : `its file has the digest ${hashed.actual}`
}
