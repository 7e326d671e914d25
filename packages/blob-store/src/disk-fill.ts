import {
  BlobCorruptError,
  FillEndedError,
  FillWriteError,
  LayermeshError,
  type BlobHandle,
  type BlobStat,
  type ByteRange,
  type Digest,
  type Fill,
  type Log,
  type ReadOptions,
} from '@layermesh/interface'
import { digestAlgorithm } from '@layermesh/oci'
import type { BufferPool } from './buffer-pool.ts'
import { DiskBlobHandle } from './disk-blob-handle.ts'
import type { Disk } from './disk.ts'
import { removeFillFiles, type FillFiles } from './fill-files.ts'
import type { FillJournal } from './fill-journal.ts'
import { PieceGrid } from './piece-grid.ts'
import { isOnePieceDigest, PieceHasher } from './piece-hasher.ts'
import { PieceProgress } from './piece-progress.ts'
import { PieceWaiters } from './piece-waiters.ts'
import { PrefixHasher } from './prefix-hasher.ts'
import { requireInside, type RangeSource } from './range-reader.ts'
import type { SharedFile } from './shared-file.ts'
import { isSystemError, reasonOf } from './system-error.ts'
import type { VerifiedPieces } from './verified-pieces.ts'
import { writeFully } from './write-fully.ts'

/** A fill's file whose bytes have the blob's digest. */
export interface VerifiedFile {
  readonly stat: BlobStat
  readonly path: string
  readonly file: SharedFile
  readonly pieceHashes: readonly Uint8Array[]
}

/** A fill that has been paused with at least one complete piece. Its files are closed. */
export interface UnfinishedFill {
  readonly blob: BlobStat
  readonly files: FillFiles
  /** Pieces that the journal has. */
  readonly pieces: number
}

export interface DiskFillDeps {
  readonly log: Log
  readonly disk: Disk
  readonly pool: BufferPool
  /** Makes a verified file part of the store, so that it survives a crash from then on. */
  readonly publish: (file: VerifiedFile) => Promise<void>
  /** Called when bytes are in the file. */
  readonly onWritten: (bytes: number) => void
  /** Makes room for bytes that the disk has refused; resolves to whether it is worth another try. */
  readonly relieve: (bytes: number) => Promise<boolean>
  /** Called once the fill has ended, however it did, and its files are closed or gone. */
  readonly onEnd: () => void
  /** Takes over the files of a paused fill. */
  readonly keep: (fill: UnfinishedFill) => Promise<void>
}

export interface DiskFillInit extends BlobStat {
  /** Names of the fill's files, which belong to the fill. */
  readonly files: FillFiles
  /** The data file, open for reading and writing; the fill takes over one ownership. */
  readonly file: SharedFile
  /** Undefined when there is nothing that could be resumed, as with a blob of one piece. */
  readonly journal: FillJournal | undefined
  /** What an earlier fill has left in the file. */
  readonly verified?: VerifiedPieces | undefined
}

/** Bytes on their way to the disk. */
interface Arriving extends ByteRange {
  readonly bytes: Uint8Array
}

/**
 * A fill in a sparse file. What is being written is read from memory, so that nobody who follows waits for the disk; all else is read from
 * the file.
 */
export class DiskFill implements Fill {
  readonly digest: Digest
  readonly sizeBytes: number
  readonly pieceBytes: number
  readonly #deps: DiskFillDeps
  readonly #files: FillFiles
  readonly #file: SharedFile
  readonly #journal: FillJournal | undefined
  readonly #grid: PieceGrid
  readonly #progress: PieceProgress
  readonly #pieces: PieceHasher
  /** Undefined when the hash of the only piece tells enough. */
  readonly #prefix: PrefixHasher | undefined
  readonly #waiters = new PieceWaiters()
  readonly #source: RangeSource
  /** The last write; each waits for the one before it, so that two can't write the same piece at once. */
  #writing: Promise<void> = Promise.resolve()
  /** What is being written; what the disk has refused stays here for those who read. */
  #arriving: Arriving | undefined
  /** Why the disk has refused bytes. They have been hashed, so that none can be written after them. */
  #refusal: FillWriteError | undefined
  /** Set as soon as all bytes are hashed: the digest that they have. */
  #verifying: Promise<Digest> | undefined
  #isVerified = false
  #exposed = false
  /** Why no further byte will come. */
  #failure: Error | undefined
  /** Whether what is readable stays so after a failure that says nothing against it. */
  #bytesStand = false
  /** Set as soon as `commit`, `pause` or `fail` ends the fill, resolved when that is done. */
  #ending: Promise<void> | undefined
  /** Whether the fill has let go of its file, so that nobody can join it any more. */
  #isOver = false

  constructor(deps: DiskFillDeps, init: DiskFillInit) {
    this.digest = init.digest
    this.sizeBytes = init.sizeBytes
    this.pieceBytes = init.pieceBytes
    this.#deps = deps
    this.#files = init.files
    this.#file = init.file
    this.#journal = init.journal
    this.#grid = new PieceGrid(init.sizeBytes, init.pieceBytes)
    this.#progress = new PieceProgress(this.#grid)
    this.#pieces = new PieceHasher(this.#grid)
    const { verified } = init
    this.#prefix = isOnePieceDigest(init.digest, this.#grid)
      ? undefined
      : new PrefixHasher(digestAlgorithm(init.digest), init.file.handle, deps.pool, verified?.prefix)
    for (const [index, hash] of verified?.hashes ?? []) {
      this.#progress.record({ start: this.#grid.startOf(index), end: this.#grid.endOf(index) })
      this.#pieces.restore(index, hash)
    }
    this.#source = {
      file: init.file.handle,
      sizeBytes: init.sizeBytes,
      readableEnd: (offset, limit, signal) => this.#readableEnd(offset, limit, signal),
      inMemory: (offset, end) => this.#inMemory(offset, end),
      beforeChunk: () => {
        this.#throwIfRefuted()
        this.#exposed = true
      },
      endedAt: (offset) =>
        Promise.resolve(this.#writeError(new Error(`its file can't be read from ${offset} on`))),
    }
  }

  get exposed(): boolean {
    return this.#exposed
  }

  firstMissing(): ByteRange | undefined {
    return this.#progress.firstMissing()
  }

  write(offset: number, bytes: Uint8Array): Promise<void> {
    const written = this.#writing.then(() => this.#write(offset, bytes))
    this.#writing = written.catch(() => {})
    return written
  }

  pieceHash(index: number): Uint8Array | undefined {
    // It is hashed while it is being written.
    return this.#progress.isPieceComplete(index) ? this.#pieces.get(index) : undefined
  }

  async whenWritten(range: ByteRange, options: ReadOptions = {}): Promise<void> {
    requireInside(range, this.sizeBytes)
    let end = range.start
    for (;;) {
      this.#throwIfRefuted()
      end = this.#progress.writtenEnd(end, range.end)
      if (end === range.end) return
      if (this.#failure !== undefined) throw this.#failure
      await this.#waiters.wait(this.#grid.indexOf(end), options.signal)
    }
  }

  open(): BlobHandle {
    if (this.#isOver) throw new FillEndedError(this.digest, { cause: this.#failure })
    this.#file.retain()
    return new DiskBlobHandle(this.digest, this.#source, this.#file, this.#deps.pool)
  }

  async commit(): Promise<BlobStat> {
    this.#requireUnended()
    const missing = this.#progress.firstMissing()
    if (missing !== undefined) {
      throw new RangeError(`bytes ${missing.start} to ${missing.end} of ${this.digest} are missing`)
    }
    const committed = this.#verifyAndPublish()
    this.#ending = committed.then(
      () => {},
      () => {},
    )
    return committed
  }

  pause(reason: Error): Promise<void> {
    this.#ending ??= this.#keep(reason)
    return this.#ending
  }

  fail(reason: Error): Promise<void> {
    this.#ending ??= this.#abandon(reason, this.#isVerified || reason instanceof FillWriteError)
    return this.#ending
  }

  async #write(offset: number, bytes: Uint8Array): Promise<void> {
    this.#requireUnended()
    if (this.#refusal !== undefined) throw this.#refusal
    const range = { start: offset, end: offset + bytes.length }
    this.#progress.requireWritable(range)
    this.#arriving = { ...range, bytes }
    const written = this.#writeToFile(bytes, offset)
    // Hashing takes as long as writing: they are done at once.
    this.#pieces.update(offset, bytes)
    this.#prefix?.update(offset, bytes)
    this.#progress.record(range)
    this.#verifyIfHashed()
    for (const { index } of this.#grid.slices(range)) this.#waiters.wake(index)
    await written
    this.#arriving = undefined
    this.#requireUnended()
    this.#deps.onWritten(bytes.length)
    this.#prefix?.extend(this.#progress.prefixEnd)
    for (const { index } of this.#grid.slices(range)) {
      const hash = this.#pieces.get(index)
      if (hash !== undefined) this.#journal?.append({ index, hash })
    }
  }

  /** Somebody else may have filled the disk although there was room when the fill began: then others have to go. */
  async #writeToFile(bytes: Uint8Array, offset: number): Promise<void> {
    const write = () => writeFully(this.#file.handle, bytes, offset)
    try {
      await write().catch(async (error: unknown) => {
        if (!isSystemError(error, 'ENOSPC') || !(await this.#deps.relieve(bytes.length))) throw error
        await write()
      })
    } catch (error) {
      this.#refusal = this.#writeError(error)
      throw this.#refusal
    }
  }

  async #readableEnd(offset: number, limit: number, signal: AbortSignal | undefined): Promise<number> {
    for (;;) {
      this.#throwIfRefuted()
      if (this.#isVerified) return this.#untilArriving(offset, limit)
      // Whoever has all bytes believes that they are right: so the last piece waits for the whole blob's digest.
      const end = this.#progress.writtenEnd(offset, Math.min(limit, this.#grid.lastStart))
      if (end > offset) return this.#untilArriving(offset, end)
      if (this.#failure !== undefined) throw this.#failure
      await this.#waiters.wait(this.#grid.indexOf(offset), signal)
    }
  }

  /** Bytes that are only in memory yet are a chunk of their own. */
  #untilArriving(offset: number, end: number): number {
    const { start } = this.#arriving ?? { start: end }
    return offset < start ? Math.min(start, end) : end
  }

  #inMemory(offset: number, end: number): Uint8Array | undefined {
    const arriving = this.#arriving
    if (arriving === undefined || offset < arriving.start || offset >= arriving.end) return undefined
    return arriving.bytes.subarray(offset - arriving.start, end - arriving.start)
  }

  /** Readers need right bytes, not durable ones: they don't wait for the disk. */
  #verifyIfHashed(): void {
    if (!this.#progress.isComplete) return
    if (this.#prefix !== undefined && this.#prefix.hashedEnd < this.sizeBytes) return
    // Whoever commits sees it fail.
    this.#verify().catch(() => {})
  }

  #verify(): Promise<Digest> {
    this.#verifying ??= this.#takeDigest()
    return this.#verifying
  }

  async #takeDigest(): Promise<Digest> {
    const actual = (await this.#prefix?.digest()) ?? this.#pieces.onePieceDigest()
    this.#isVerified = actual === this.digest
    if (this.#isVerified) this.#waiters.wake(this.#grid.indexOf(this.#grid.lastStart))
    return actual
  }

  async #verifyAndPublish(): Promise<BlobStat> {
    const { digest, sizeBytes, pieceBytes } = this
    const stat = { digest, sizeBytes, pieceBytes }
    try {
      const actual = await this.#verify()
      if (actual !== digest) throw new BlobCorruptError(digest, actual)
      await this.#writing
      if (this.#refusal !== undefined) throw this.#refusal
      const pieceHashes = this.#pieces.all()
      await this.#deps.publish({ stat, path: this.#files.part, file: this.#file, pieceHashes })
    } catch (error) {
      const failure = error instanceof LayermeshError ? error : this.#writeError(error)
      await this.#abandon(failure, this.#isVerified)
      throw failure
    }
    this.#isOver = true
    await this.#cleanUp(this.#discardJournal())
    await this.#file.release()
    this.#deps.onEnd()
    return stat
  }

  async #keep(reason: Error): Promise<void> {
    this.#endReading(reason, true)
    await this.#writing
    const pieces = (await this.#journal?.close()) ?? 0
    const { digest, sizeBytes, pieceBytes } = this
    const settled =
      pieces === 0
        ? removeFillFiles(this.#deps.disk, this.#files)
        : this.#deps.keep({ blob: { digest, sizeBytes, pieceBytes }, files: this.#files, pieces })
    await this.#cleanUp(settled, this.#closeFile())
    this.#deps.onEnd()
  }

  async #abandon(reason: Error, bytesStand: boolean): Promise<void> {
    this.#endReading(reason, bytesStand)
    await this.#cleanUp(this.#deps.disk.remove(this.#files.part), this.#discardJournal(), this.#closeFile())
    this.#deps.onEnd()
  }

  #endReading(reason: Error, bytesStand: boolean): void {
    this.#failure = reason
    this.#bytesStand = bytesStand
    this.#isOver = true
    this.#waiters.rejectAll(reason)
  }

  /** Waits for what is done after the end, which no longer changes how the fill has ended. */
  async #cleanUp(...steps: readonly Promise<void>[]): Promise<void> {
    for (const step of await Promise.allSettled(steps)) {
      if (step.status === 'rejected') {
        // Nobody is served from it any more, and the next start looks at it again.
        this.#deps.log.warn({ path: this.#files.part, err: step.reason as unknown }, 'fill not cleaned up')
      }
    }
  }

  /** Throws when the bytes that are there must not be handed out any more. */
  #throwIfRefuted(): void {
    if (this.#failure !== undefined && !this.#bytesStand) throw this.#failure
  }

  async #discardJournal(): Promise<void> {
    await this.#journal?.discard()
  }

  async #closeFile(): Promise<void> {
    await this.#writing
    await this.#prefix?.stop()
    await this.#file.release()
  }

  #requireUnended(): void {
    if (this.#ending !== undefined) throw new FillEndedError(this.digest, { cause: this.#failure })
  }

  #writeError(cause: unknown): FillWriteError {
    return new FillWriteError(`the disk refused the fill of ${this.digest}: ${reasonOf(cause)}`, { cause })
  }
}
