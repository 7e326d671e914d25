import {
  type BlobHandle,
  BlobCorruptError,
  type ByteRange,
  type ByteSource,
  type Digest,
  type FetchedBlob,
  type ReadOptions,
} from '@layermesh/interface'

import type { FillJob, OpenGeneration } from './fill-job.ts'

/** A blob that was on disk when it was asked for. */
export function cachedBlob(handle: BlobHandle): FetchedBlob {
  return {
    digest: handle.digest,
    sizeBytes: handle.sizeBytes,
    source: 'cache',
    read: (range, options) => handle.read(range, options),
    [Symbol.asyncDispose]: () => handle[Symbol.asyncDispose](),
  }
}

/**
 * A blob that is read while it arrives. When its bytes turn out to be wrong before this reader has seen one, and the
 * job starts over, reading goes on with the new fill and nobody notices.
 */
export class FollowedBlob implements FetchedBlob {
  readonly digest: Digest
  readonly sizeBytes: number
  readonly #job: FillJob
  #opened: OpenGeneration

  constructor(job: FillJob, opened: OpenGeneration) {
    this.#job = job
    this.#opened = opened
    this.digest = opened.handle.digest
    this.sizeBytes = opened.handle.sizeBytes
  }

  /** The source that the job began with. */
  get source(): ByteSource {
    return this.#job.source
  }

  async *read(range?: ByteRange, options?: ReadOptions): AsyncGenerator<Uint8Array> {
    for (;;) {
      let yielded = false
      try {
        for await (const chunk of this.#opened.handle.read(range, options)) {
          yielded = true
          yield chunk
        }
        return
      } catch (error) {
        if (yielded || !(error instanceof BlobCorruptError) || !(await this.#followReplacement())) throw error
      }
    }
  }

  [Symbol.asyncDispose](): PromiseLike<void> {
    return this.#opened.handle[Symbol.asyncDispose]()
  }

  async #followReplacement(): Promise<boolean> {
    const generation = await this.#opened.next.catch(() => undefined)
    if (generation === undefined) return false
    // A size that differs can't replace one that a client has been told.
    const { fill, next } = generation
    if (fill?.sizeBytes !== this.sizeBytes) return false
    await this.#opened.handle[Symbol.asyncDispose]()
    this.#opened = { fill, handle: fill.open(), next }
    return true
  }
}
