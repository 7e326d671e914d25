import {
  type BlobHandle,
  BlobCorruptError,
  BlobDamagedError,
  type ByteRange,
  type ByteSource,
  type ContentRef,
  type Digest,
  type FetchedBlob,
  FillEndedError,
  FillWriteError,
  type ReadOptions,
} from '@layermesh/interface'

import type { FillJob, OpenGeneration } from './fill-job.ts'
import type { FillJobs } from './fill-jobs.ts'

/** A blob that gave out in the middle of a read. */
export interface InterruptedRead {
  readonly handle: BlobHandle
  /** What has yet to be read. */
  readonly left: ByteRange
  readonly error: Error
}

/** Gives the blob for the rest of a read, or throws. */
export type GoOnReading = (read: InterruptedRead, options: ReadOptions | undefined) => Promise<FetchedBlob>

/**
 * A blob that was on disk when it was asked for. When its file turns out to be damaged, reading goes on with a copy
 * that is fetched anew, and nobody notices.
 */
export class HeldBlob implements FetchedBlob {
  readonly digest: Digest
  readonly sizeBytes: number
  readonly source = 'cache'
  readonly #handle: BlobHandle
  readonly #goOn: GoOnReading

  constructor(handle: BlobHandle, goOn: GoOnReading) {
    this.digest = handle.digest
    this.sizeBytes = handle.sizeBytes
    this.#handle = handle
    this.#goOn = goOn
  }

  async *read(
    { start, end }: ByteRange = { start: 0, end: this.sizeBytes },
    options?: ReadOptions,
  ): AsyncGenerator<Uint8Array> {
    let offset = start
    let damage: BlobDamagedError
    try {
      for await (const chunk of this.#handle.read({ start, end }, options)) {
        offset += chunk.length
        yield chunk
      }
      return
    } catch (error) {
      if (!(error instanceof BlobDamagedError)) throw error
      damage = error
    }
    const left = { start: offset, end }
    await using copy = await this.#goOn({ handle: this.#handle, left, error: damage }, options)
    yield* copy.read(left, options)
  }

  [Symbol.asyncDispose](): PromiseLike<void> {
    return this.#handle[Symbol.asyncDispose]()
  }
}

/** A blob that is read while it arrives. When a fill fails, its reader goes on with the next wherever that can be done unnoticed. */
export class FollowedBlob implements FetchedBlob {
  readonly digest: Digest
  readonly sizeBytes: number
  readonly #jobs: FillJobs
  readonly #ref: ContentRef
  #job: FillJob
  #opened: OpenGeneration

  /** Takes over the watch and the handle of `opened`. */
  constructor(jobs: FillJobs, ref: ContentRef, job: FillJob, opened: OpenGeneration) {
    this.#jobs = jobs
    this.#ref = ref
    this.#job = job
    this.#opened = opened
    this.digest = opened.handle.digest
    this.sizeBytes = opened.handle.sizeBytes
  }

  /** The source that the job began with. */
  get source(): ByteSource {
    return this.#job.source
  }

  async *read(
    { start, end }: ByteRange = { start: 0, end: this.sizeBytes },
    options?: ReadOptions,
  ): AsyncGenerator<Uint8Array> {
    let offset = start
    for (;;) {
      try {
        for await (const chunk of this.#opened.handle.read({ start: offset, end }, options)) {
          offset += chunk.length
          yield chunk
        }
        return
      } catch (error) {
        options?.signal?.throwIfAborted()
        const left = { start: offset, end }
        const canGoOn =
          (await this.#followNext(error, offset > start ? offset : 0)) ||
          (await this.#passOn(error, left, options))
        if (!canGoOn) throw error
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { handle, watch } = this.#opened
    watch[Symbol.dispose]()
    await handle[Symbol.asyncDispose]()
  }

  /** Goes on with the job's next fill, if its first `hadBytes` bytes are those that the reader has had. */
  async #followNext(error: unknown, hadBytes: number): Promise<boolean> {
    if (!(error instanceof BlobCorruptError || error instanceof FillWriteError)) return false
    const generation = await this.#opened.next.catch(() => undefined)
    // A size that differs can't replace one that a client has been told.
    if (generation?.fill?.sizeBytes !== this.sizeBytes || generation.sameBytes < hadBytes) return false
    const { fill, next } = generation
    try {
      const handle = fill.open()
      await this.#opened.handle[Symbol.asyncDispose]()
      this.#opened = { fill, handle, next, watch: this.#opened.watch }
      return true
    } catch (endError) {
      // It went on without us, and has let go of the bytes.
      if (endError instanceof FillEndedError) return false
      throw endError
    }
  }

  /** Lets the rest pass without being kept. It can't be verified unless it goes to the end of the blob. */
  async #passOn(error: unknown, left: ByteRange, options: ReadOptions | undefined): Promise<boolean> {
    if (!(error instanceof FillWriteError) || left.end !== this.sizeBytes) return false
    const { handle, watch } = this.#opened
    const job = this.#jobs.pass(this.#ref, error, { handle, end: left.start })
    const opened = await job.follow('client', options?.signal)
    if (opened === undefined) return false
    watch[Symbol.dispose]()
    await handle[Symbol.asyncDispose]()
    this.#job = job
    this.#opened = opened
    return true
  }
}
