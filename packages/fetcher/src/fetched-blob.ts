import {
  type BlobHandle,
  BlobCorruptError,
  type ByteRange,
  type ByteSource,
  type Digest,
  type FetchedBlob,
  type ReadOptions,
} from '@layermesh/interface'

import type { FillGeneration, FillJob } from './fill-job.ts'

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
  #generation: FillGeneration
  #handle: BlobHandle

  constructor(job: FillJob, generation: FillGeneration, handle: BlobHandle) {
    this.#job = job
    this.#generation = generation
    this.#handle = handle
    this.digest = handle.digest
    this.sizeBytes = handle.sizeBytes
  }

  /** The source that the job began with. */
  get source(): ByteSource {
    return this.#job.source
  }

  async *read(range?: ByteRange, options?: ReadOptions): AsyncGenerator<Uint8Array> {
    for (;;) {
      let yielded = false
      try {
        for await (const chunk of this.#handle.read(range, options)) {
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
    return this.#handle[Symbol.asyncDispose]()
  }

  async #followReplacement(): Promise<boolean> {
    const next = await this.#generation.next.catch(() => undefined)
    // A size that differs can't replace one that a client has been told.
    if (next?.fill === undefined || next.fill.sizeBytes !== this.sizeBytes) return false
    await this.#handle[Symbol.asyncDispose]()
    this.#generation = next
    this.#handle = next.fill.open()
    return true
  }
}
