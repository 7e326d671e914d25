import {
  BlobNotFoundError,
  ContentUnavailableError,
  RangeUnsatisfiableError,
  UpstreamNotFoundError,
  type BlobFacts,
  type ByteRange,
  type ByteSource,
  type ContentFetcher,
  type ContentRef,
  type Digest,
  type FetchedBlob,
  type FetchedManifest,
  type FetchOptions,
  type OpenBlobOptions,
  type ReadOptions,
  type ResolvedTag,
  type TagRef,
} from '@layermesh/interface'
import { digestOf } from '@layermesh/oci'

/** What happens at an offset of a blob, before the byte at that offset is read. */
export type ReadScript = (offset: number, signal: AbortSignal | undefined) => Promise<void>

/** A call that reached the fetcher. */
export interface ContentCall {
  readonly method: keyof ContentFetcher
  readonly ref: ContentRef | TagRef
}

const CHUNK_BYTES = 64 * 1024

/** Content in memory that answers as a fetcher does, and as a test has told it to. */
export class ScriptedContent implements ContentFetcher {
  readonly calls: ContentCall[] = []
  /** Where answers come from. */
  source: ByteSource = 'cache'
  /** Makes every call fail before it answers. */
  failure: Error | undefined
  /** Runs at each chunk of a blob. */
  onRead: ReadScript = async () => {}
  /** Handles that are open. */
  openHandles = 0
  readonly #blobs = new Map<Digest, Uint8Array>()
  readonly #manifests = new Map<Digest, { readonly mediaType: string; readonly bytes: Uint8Array }>()
  readonly #tags = new Map<string, Digest>()
  #allClosed: PromiseWithResolvers<void> | undefined

  addBlob(bytes: Uint8Array): Digest {
    const digest = digestOf(bytes)
    this.#blobs.set(digest, bytes)
    return digest
  }

  addManifest(mediaType: string, bytes: Uint8Array, tag?: string): Digest {
    const digest = digestOf(bytes)
    this.#manifests.set(digest, { mediaType, bytes })
    if (tag !== undefined) this.#tags.set(tag, digest)
    return digest
  }

  /** Resolves once no handle is open. */
  async whenClosed(): Promise<void> {
    if (this.openHandles === 0) return
    this.#allClosed ??= Promise.withResolvers()
    await this.#allClosed.promise
  }

  async resolveTag(ref: TagRef, options?: FetchOptions): Promise<ResolvedTag> {
    await this.#begin('resolveTag', ref, options)
    const digest = this.#tags.get(ref.tag)
    const manifest = digest && this.#manifests.get(digest)
    if (digest === undefined || manifest === undefined) throw new UpstreamNotFoundError('upstream said 404')
    const { mediaType, bytes } = manifest
    return { digest, mediaType, sizeBytes: bytes.byteLength, stale: false, source: this.source }
  }

  async getManifest(ref: ContentRef, options?: FetchOptions): Promise<FetchedManifest> {
    await this.#begin('getManifest', ref, options)
    const manifest = this.#manifests.get(ref.digest)
    if (manifest === undefined) throw new UpstreamNotFoundError('upstream said 404')
    return { digest: ref.digest, ...manifest, sizeBytes: manifest.bytes.byteLength, source: this.source }
  }

  async statBlob(ref: ContentRef, options?: FetchOptions): Promise<BlobFacts> {
    await this.#begin('statBlob', ref, options)
    return { sizeBytes: this.#require(ref.digest).byteLength, source: this.source }
  }

  async openBlob(ref: ContentRef, options?: OpenBlobOptions): Promise<FetchedBlob> {
    await this.#begin('openBlob', ref, options)
    if (options?.heldOnly === true && this.source !== 'cache') throw new ContentUnavailableError('not held')
    const bytes = this.#require(ref.digest)
    this.openHandles += 1
    return {
      digest: ref.digest,
      sizeBytes: bytes.byteLength,
      source: this.source,
      read: (range = { start: 0, end: bytes.byteLength }, readOptions = {}) =>
        this.#read(bytes, range, readOptions),
      [Symbol.asyncDispose]: async () => this.#close(),
    }
  }

  async #begin(
    method: keyof ContentFetcher,
    ref: ContentRef | TagRef,
    options?: FetchOptions,
  ): Promise<void> {
    this.calls.push({ method, ref })
    options?.signal?.throwIfAborted()
    if (this.failure !== undefined) throw this.failure
  }

  #require(digest: Digest): Uint8Array {
    const bytes = this.#blobs.get(digest)
    if (bytes === undefined) throw new BlobNotFoundError(digest)
    return bytes
  }

  /** Lends two buffers in turn and no more, so that whoever keeps one for too long sees wrong bytes. */
  async *#read(
    bytes: Uint8Array,
    { start, end }: ByteRange,
    { signal }: ReadOptions,
  ): AsyncGenerator<Uint8Array> {
    if (start < 0 || start > end || end > bytes.byteLength)
      throw new RangeUnsatisfiableError(bytes.byteLength)
    const buffers = [new Uint8Array(CHUNK_BYTES), new Uint8Array(CHUNK_BYTES)] as const
    for (let offset = start, turn = 0; offset < end; offset += CHUNK_BYTES, turn ^= 1) {
      await this.onRead(offset, signal)
      signal?.throwIfAborted()
      const chunk = bytes.subarray(offset, Math.min(offset + CHUNK_BYTES, end))
      const lent = buffers[turn === 0 ? 0 : 1]
      lent.fill(0xee)
      lent.set(chunk)
      yield lent.subarray(0, chunk.byteLength)
    }
  }

  #close(): void {
    this.openHandles -= 1
    if (this.openHandles === 0) this.#allClosed?.resolve()
  }
}

/** Waits until `signal` is aborted and rejects with its reason: a source that never answers. */
export async function neverAnswers(_offset: number, signal: AbortSignal | undefined): Promise<void> {
  if (signal === undefined) throw new Error('the read has no signal')
  const { promise, reject } = Promise.withResolvers<never>()
  const onAbort = () => reject(signal.reason as Error)
  if (signal.aborted) onAbort()
  signal.addEventListener('abort', onAbort, { once: true })
  await promise
}
