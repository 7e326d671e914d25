import type { FileHandle } from 'node:fs/promises'
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
import { PieceGrid } from './piece-grid.ts'
import { PieceHasher } from './piece-hasher.ts'
import { PieceProgress } from './piece-progress.ts'
import { PieceWaiters } from './piece-waiters.ts'
import { PrefixHasher } from './prefix-hasher.ts'
import { requireInside, type RangeSource } from './range-reader.ts'
import type { SharedFile } from './shared-file.ts'
import { reasonOf } from './system-error.ts'

/** A fill's file whose bytes have the blob's digest. */
export interface VerifiedFile {
  readonly stat: BlobStat
  readonly path: string
  readonly handle: FileHandle
  readonly pieceHashes: readonly Uint8Array[]
}

export interface DiskFillDeps {
  readonly log: Log
  readonly disk: Disk
  readonly pool: BufferPool
  /** Makes a verified file part of the store, so that it survives a crash from then on. */
  readonly publish: (file: VerifiedFile) => Promise<void>
}

export interface DiskFillInit extends BlobStat {
  /** Name of the fill's file, which belongs to the fill. */
  readonly path: string
  /** The file, open for reading and writing; the fill takes over one ownership. */
  readonly file: SharedFile
}

/** A fill in a sparse file. Readers read from the file, never from the writer's memory. */
export class DiskFill implements Fill {
  readonly digest: Digest
  readonly sizeBytes: number
  readonly pieceBytes: number
  readonly #deps: DiskFillDeps
  readonly #path: string
  readonly #file: SharedFile
  readonly #grid: PieceGrid
  readonly #progress: PieceProgress
  readonly #pieces: PieceHasher
  readonly #prefix: PrefixHasher
  readonly #waiters = new PieceWaiters()
  readonly #source: RangeSource
  /** The last write; each waits for the one before it, so that two can't write the same piece at once. */
  #writing: Promise<void> = Promise.resolve()
  #isVerified = false
  #exposed = false
  #failure: Error | undefined
  /** Set as soon as `commit` or `fail` ends the fill, resolved when that is done. */
  #ending: Promise<void> | undefined
  /** Whether the fill has let go of its file, so that nobody can join it any more. */
  #isOver = false

  constructor(deps: DiskFillDeps, init: DiskFillInit) {
    this.digest = init.digest
    this.sizeBytes = init.sizeBytes
    this.pieceBytes = init.pieceBytes
    this.#deps = deps
    this.#path = init.path
    this.#file = init.file
    this.#grid = new PieceGrid(init.sizeBytes, init.pieceBytes)
    this.#progress = new PieceProgress(this.#grid)
    this.#pieces = new PieceHasher(this.#grid)
    this.#prefix = new PrefixHasher(digestAlgorithm(init.digest), init.file.handle, deps.pool)
    this.#source = {
      file: init.file.handle,
      sizeBytes: init.sizeBytes,
      readableEnd: (offset, limit, signal) => this.#readableEnd(offset, limit, signal),
      beforeChunk: () => {
        if (this.#failure !== undefined) throw this.#failure
        this.#exposed = true
      },
      endedAt: (offset) => Promise.resolve(this.#writeError(new Error(`its file ends at ${offset}`))),
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
    return this.#pieces.get(index)
  }

  async whenWritten(range: ByteRange, options: ReadOptions = {}): Promise<void> {
    requireInside(range, this.sizeBytes)
    let end = range.start
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure
      end = this.#progress.writtenEnd(end, range.end)
      if (end === range.end) return
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
    return this.fail(reason)
  }

  fail(reason: Error): Promise<void> {
    this.#ending ??= this.#abandon(reason)
    return this.#ending
  }

  async #write(offset: number, bytes: Uint8Array): Promise<void> {
    this.#requireUnended()
    const range = { start: offset, end: offset + bytes.length }
    this.#progress.requireWritable(range)
    try {
      await writeFully(this.#file.handle, bytes, offset)
    } catch (error) {
      throw this.#writeError(error)
    }
    this.#requireUnended()
    this.#progress.record(range)
    this.#pieces.update(offset, bytes)
    this.#prefix.extend(offset, bytes, this.#progress.prefixEnd)
    for (const { index } of this.#grid.slices(range)) this.#waiters.wake(index)
  }

  async #readableEnd(offset: number, limit: number, signal: AbortSignal | undefined): Promise<number> {
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure
      if (this.#isVerified) return limit
      // Whoever has all bytes believes that they are right: so the last piece waits for the whole blob's digest.
      const end = this.#progress.writtenEnd(offset, Math.min(limit, this.#grid.lastStart))
      if (end > offset) return end
      await this.#waiters.wait(this.#grid.indexOf(offset), signal)
    }
  }

  async #verifyAndPublish(): Promise<BlobStat> {
    const { digest, sizeBytes, pieceBytes } = this
    const stat = { digest, sizeBytes, pieceBytes }
    try {
      const actual = await this.#prefix.digest()
      if (actual !== digest) throw new BlobCorruptError(digest, actual)
      this.#isVerified = true
      // Readers need right bytes, not durable ones: they don't wait for the disk.
      this.#waiters.wake(this.#grid.indexOf(this.#grid.lastStart))
      const pieceHashes = this.#pieces.all()
      await this.#deps.publish({ stat, path: this.#path, handle: this.#file.handle, pieceHashes })
    } catch (error) {
      const failure = error instanceof LayermeshError ? error : this.#writeError(error)
      await this.#abandon(failure)
      throw failure
    }
    this.#isOver = true
    await this.#file.release()
    return stat
  }

  async #abandon(reason: Error): Promise<void> {
    this.#failure = reason
    this.#isOver = true
    this.#waiters.rejectAll(reason)
    const cleanUps = await Promise.allSettled([this.#deps.disk.remove(this.#path), this.#closeFile()])
    for (const cleanUp of cleanUps) {
      if (cleanUp.status === 'rejected') {
        // Nothing is served from it any more, and the next start removes it.
        this.#deps.log.warn({ path: this.#path, err: cleanUp.reason as unknown }, 'fill not cleaned up')
      }
    }
  }

  async #closeFile(): Promise<void> {
    await this.#writing
    await this.#prefix.stop()
    await this.#file.release()
  }

  #requireUnended(): void {
    if (this.#ending !== undefined) throw new FillEndedError(this.digest, { cause: this.#failure })
  }

  #writeError(cause: unknown): FillWriteError {
    return new FillWriteError(`the disk refused the fill of ${this.digest}: ${reasonOf(cause)}`, { cause })
  }
}

async function writeFully(file: FileHandle, bytes: Uint8Array, offset: number): Promise<void> {
  let done = 0
  while (done < bytes.length) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, offset + done)
    done += bytesWritten
  }
}
