import type { FileHandle } from 'node:fs/promises'
import { dirname } from 'node:path'
import { SingleFlight } from '@layermesh/async'
import {
  BlobDamagedError,
  BlobNotFoundError,
  FillWriteError,
  type BlobHandle,
  type BlobStat,
  type BlobStore,
  type Clock,
  type Digest,
  type Fill,
  type HoldingsListener,
  type HoldingsSummary,
  type Log,
  pieceBytesFor,
  type PieceTable,
  type RemovalReason,
  type Unsubscribe,
} from '@layermesh/interface'
import type { BlobIndex } from './blob-index.ts'
import { BufferPool } from './buffer-pool.ts'
import type { DataLayout } from './data-layout.ts'
import { DiskBlobHandle } from './disk-blob-handle.ts'
import { DiskFill, type DiskFillInit, type UnfinishedFill, type VerifiedFile } from './disk-fill.ts'
import type { Disk } from './disk.ts'
import type { FaultHook } from './fault-point.ts'
import { FillJournal, type OpenedJournal } from './fill-journal.ts'
import { createFolder } from './folders.ts'
import { hashFile } from './hash-file.ts'
import { KeyedQueue } from './keyed-queue.ts'
import { occupiedBytes, type PausedFill, type PausedFills } from './paused-fills.ts'
import { findUnsettled } from './reconcile.ts'
import { resumeFill, type ResumedFill } from './resume-fill.ts'
import { SharedFile } from './shared-file.ts'
import { isSystemError, reasonOf } from './system-error.ts'

export interface DiskBlobStoreDeps {
  readonly log: Log
  readonly clock: Clock
  readonly disk: Disk
  readonly index: BlobIndex
  readonly layout: DataLayout
  /** Unfinished fills, those of earlier processes included. */
  readonly paused: PausedFills
  readonly faultHook: FaultHook
}

/** No file is larger on ext4. A size that a peer claims must not cost memory for the pieces of what can't be. */
const MAX_BLOB_BYTES = 16 * 1024 ** 4

/**
 * Blobs as files. A file has its final name only after it has been verified and written through, so the files are
 * the truth; where the index disagrees with them, the index is corrected as soon as anybody notices.
 */
export class DiskBlobStore implements BlobStore {
  readonly #log: Log
  readonly #clock: Clock
  readonly #disk: Disk
  readonly #index: BlobIndex
  readonly #layout: DataLayout
  readonly #paused: PausedFills
  readonly #faultHook: FaultHook
  readonly #pool = new BufferPool()
  /** Everything that changes a blob's file or entry; reading needs no turn. */
  readonly #changes = new KeyedQueue<Digest>()
  readonly #tables = new SingleFlight<Digest, PieceTable>()
  readonly #listeners = new Set<HoldingsListener>()

  constructor(deps: DiskBlobStoreDeps) {
    this.#log = deps.log
    this.#clock = deps.clock
    this.#disk = deps.disk
    this.#index = deps.index
    this.#layout = deps.layout
    this.#paused = deps.paused
    this.#faultHook = deps.faultHook
  }

  /** How many blobs and bytes are held; may differ from the files until `reconcile` is done. */
  get totals(): HoldingsSummary {
    return this.#index.totals
  }

  /**
   * Compares the index with the folders and corrects it, while the store is being used. Rejects with `signal.reason`
   * when it is aborted.
   */
  async reconcile(signal: AbortSignal): Promise<void> {
    for await (const digest of findUnsettled(this.#disk, this.#layout, this.#index, signal)) {
      await this.stat(digest)
    }
  }

  async stat(digest: Digest): Promise<BlobStat | undefined> {
    const known = this.#index.get(digest)
    const fileBytes = await this.#fileBytes(digest)
    if (known?.sizeBytes === fileBytes) return known
    return this.#changes.run(digest, () => this.#settle(digest))
  }

  async open(digest: Digest): Promise<BlobHandle> {
    const known = await this.stat(digest)
    if (known === undefined) throw new BlobNotFoundError(digest)
    const handle = await this.#openFile(digest)
    const source = {
      file: handle,
      sizeBytes: known.sizeBytes,
      readableEnd: (_offset: number, limit: number) => Promise.resolve(limit),
      beforeChunk() {},
      endedAt: async (offset: number) => {
        await this.stat(digest)
        return new BlobDamagedError(digest, `its file ends at ${offset} of ${known.sizeBytes} bytes`)
      },
    }
    return new DiskBlobHandle(digest, source, new SharedFile(handle), this.#pool)
  }

  async pieceTable(digest: Digest): Promise<PieceTable> {
    const known = await this.stat(digest)
    if (known === undefined) throw new BlobNotFoundError(digest)
    return (await this.#storedTable(known)) ?? this.#tables.run(digest, () => this.#makeTable(known))
  }

  pausedSizeBytes(digest: Digest): Promise<number | undefined> {
    return Promise.resolve(this.#paused.find(digest)?.blob.sizeBytes)
  }

  async startFill(digest: Digest, sizeBytes: number): Promise<Fill> {
    if (sizeBytes > MAX_BLOB_BYTES) {
      throw new FillWriteError(`${digest} has ${sizeBytes} bytes, more than a file can have`)
    }
    const blob = { digest, sizeBytes, pieceBytes: pieceBytesFor(sizeBytes) }
    const deps = {
      log: this.#log,
      disk: this.#disk,
      pool: this.#pool,
      publish: async (verified: VerifiedFile) => {
        await this.#publish(verified)
        await this.#paused.drop(digest)
      },
      keep: (fill: UnfinishedFill) => this.#keepPaused(fill),
    }
    return new DiskFill(deps, (await this.#resumedFill(blob)) ?? (await this.#newFill(blob)))
  }

  used(): void {}

  async remove(digest: Digest, reason: RemovalReason): Promise<void> {
    await this.#changes.run(digest, () => this.#drop(digest, reason))
  }

  list(): Iterable<BlobStat> {
    return this.#index.stats()
  }

  watch(listener: HoldingsListener): Unsubscribe {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  async #newFill(blob: BlobStat): Promise<DiskFillInit> {
    const files = this.#layout.newFillFiles(blob.digest)
    const file = new SharedFile(await createFillFile(this.#disk, files.part, blob.digest))
    await this.#faultHook('fill-created')
    // Nothing of a blob of one piece could be resumed.
    const journal = blob.sizeBytes > blob.pieceBytes ? this.#journalOf(blob, files.journal) : undefined
    return { ...blob, files, file, journal }
  }

  /** Takes over what is left of an earlier fill; undefined when there is nothing that is of use. */
  async #resumedFill(blob: BlobStat): Promise<DiskFillInit | undefined> {
    const paused = await this.#paused.take(blob)
    if (paused === undefined) return undefined
    const resumed = await this.#tryToResume(paused)
    if (resumed === undefined) {
      await this.#paused.discard(paused)
      return undefined
    }
    await this.#faultHook('fill-resumed')
    const { handle, journal, verified } = resumed
    this.#log.info(
      { digest: blob.digest, pieces: verified.hashes.size, claimed: journal.pieces },
      'fill resumed',
    )
    const { files } = paused
    const file = new SharedFile(handle)
    return { ...blob, files, file, journal: this.#journalOf(blob, files.journal, journal), verified }
  }

  async #tryToResume(paused: PausedFill): Promise<ResumedFill | undefined> {
    try {
      return await resumeFill(this.#disk, this.#pool, paused)
    } catch (error) {
      this.#log.warn({ digest: paused.digest, err: error }, 'fill not resumed')
      return undefined
    }
  }

  #journalOf(blob: BlobStat, path: string, opened?: OpenedJournal): FillJournal {
    const deps = { log: this.#log, disk: this.#disk, faultHook: this.#faultHook }
    return new FillJournal(deps, path, blob, opened)
  }

  async #keepPaused({ blob, files, pieces }: UnfinishedFill): Promise<void> {
    const { digest } = blob
    const sizeBytes = occupiedBytes(await this.#disk.stat(files.part), blob, pieces)
    await this.#paused.add({ digest, blob, files, pieces, sizeBytes, pausedAtMs: this.#clock.now() })
    // Another fill of the blob may have been quicker.
    if (this.#index.get(digest) !== undefined) await this.#paused.drop(digest)
    await this.#faultHook('fill-paused')
  }

  /** Makes file and entry agree, and returns what is held then. Only in a turn of `#changes`. */
  async #settle(digest: Digest): Promise<BlobStat | undefined> {
    const known = this.#index.get(digest)
    const fileBytes = await this.#fileBytes(digest)
    if (known?.sizeBytes === fileBytes) return known
    if (known !== undefined) {
      // A file that has changed its size is no longer what was verified: better none than a wrong one.
      if (fileBytes !== undefined) {
        this.#log.warn({ digest, sizeBytes: known.sizeBytes, fileBytes }, 'damaged blob dropped')
      }
      await this.#drop(digest, 'damaged')
      return undefined
    }
    if (fileBytes === undefined) return undefined
    const found = { digest, sizeBytes: fileBytes, pieceBytes: pieceBytesFor(fileBytes) }
    await this.#index.add(found)
    this.#tellAdded(found)
    return found
  }

  /** Removes file and entry. Only in a turn of `#changes`. */
  async #drop(digest: Digest, reason: RemovalReason): Promise<void> {
    const wasKnown = this.#index.get(digest) !== undefined
    await this.#disk.remove(this.#layout.blobPath(digest))
    await this.#index.remove(digest)
    if (!wasKnown) return
    for (const listener of this.#listeners) listener.removed?.(digest, reason, [])
  }

  #tellAdded(stat: BlobStat): void {
    for (const listener of this.#listeners) listener.added?.(stat)
  }

  /** The commit of a fill, after the bytes were found right. Each step may be the last one before a crash. */
  #publish({ stat, path, handle, pieceHashes }: VerifiedFile): Promise<void> {
    return this.#changes.run(stat.digest, async () => {
      await this.#faultHook('blob-verified')
      if ((await this.#settle(stat.digest)) !== undefined) {
        await this.#disk.remove(path)
        return
      }
      await handle.datasync()
      await this.#faultHook('file-synced')
      const blobPath = this.#layout.blobPath(stat.digest)
      const folder = dirname(blobPath)
      await createFolder(this.#disk, folder)
      await this.#disk.rename(path, blobPath)
      await this.#faultHook('file-renamed')
      await this.#disk.syncFolder(folder)
      await this.#disk.syncFolder(dirname(folder))
      await this.#faultHook('folder-synced')
      await this.#index.add(stat, pieceHashes)
      await this.#faultHook('blob-indexed')
      this.#tellAdded(stat)
    })
  }

  async #storedTable(known: BlobStat): Promise<PieceTable | undefined> {
    try {
      return await this.#index.pieceTable(known)
    } catch (error) {
      this.#log.warn({ digest: known.digest, err: error }, 'piece table unreadable')
      return undefined
    }
  }

  async #makeTable(known: BlobStat): Promise<PieceTable> {
    const { digest, pieceBytes } = known
    await using handle = await this.open(digest)
    const { actual, pieceHashes } = await hashFile(handle, pieceBytes)
    const isRight = actual === digest
    await this.#changes.run(digest, async () => {
      // Whatever was removed or committed meanwhile isn't the file that was hashed.
      if (this.#index.get(digest) !== known) return
      if (isRight) {
        await this.#index.add(known, pieceHashes)
      } else {
        this.#log.warn({ digest, actual }, 'damaged blob dropped')
        await this.#drop(digest, 'damaged')
      }
    })
    if (!isRight) throw new BlobDamagedError(digest, `they have the digest ${actual}`)
    return { pieceBytes, hashes: pieceHashes }
  }

  async #openFile(digest: Digest): Promise<FileHandle> {
    try {
      return await this.#disk.open(this.#layout.blobPath(digest), 'r')
    } catch (cause) {
      if (isSystemError(cause, 'ENOENT')) throw new BlobNotFoundError(digest, { cause })
      throw cause
    }
  }

  async #fileBytes(digest: Digest): Promise<number | undefined> {
    try {
      return (await this.#disk.stat(this.#layout.blobPath(digest))).size
    } catch (error) {
      if (isSystemError(error, 'ENOENT')) return undefined
      throw error
    }
  }
}

async function createFillFile(disk: Disk, path: string, digest: Digest): Promise<FileHandle> {
  try {
    return await disk.open(path, 'wx+', 0o600)
  } catch (cause) {
    throw new FillWriteError(`the disk refused the fill of ${digest}: ${reasonOf(cause)}`, { cause })
  }
}
