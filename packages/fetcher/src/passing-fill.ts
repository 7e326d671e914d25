import { abortable } from '@layermesh/async'
import {
  BlobCorruptError,
  type BlobHandle,
  type BlobStat,
  type ByteRange,
  ContentUnavailableError,
  type Digest,
  type Fill,
  FillEndedError,
  pieceBytesFor,
} from '@layermesh/interface'
import { createDigestHash, digestAlgorithm, type DigestHash } from '@layermesh/oci'

const MiB = 1024 * 1024

/** Bytes that wait in memory for the reader, at most: a writer that is faster waits. */
export const WINDOW_BYTES = 2 * MiB

/** Bytes at the end that the reader gets only when the digest of the whole is right. */
export const HELD_BACK_BYTES = MiB

/** The beginning of a blob that its reader has had already. */
export interface BlobPrefix {
  /** Where these bytes can be read again. */
  readonly handle: BlobHandle
  readonly end: number
}

/** What a passing fill begins with. */
export interface PassingFillInit {
  readonly digest: Digest
  readonly sizeBytes: number
  /** Ends the fill with its reason. */
  readonly signal: AbortSignal
  /** What needs not pass any more. It is hashed, so that the digest can be told. */
  readonly prefix?: BlobPrefix | undefined
}

/**
 * A fill of a blob that can't be kept: its bytes pass to one reader through a little memory, and no faster than that
 * reader takes them. They are hashed as they pass, and the last are held back until the digest is right.
 */
export class PassingFill implements Fill {
  readonly digest: Digest
  readonly sizeBytes: number
  readonly pieceBytes: number
  readonly #startOffset: number
  readonly #hash: DigestHash
  readonly #stopListening: () => void
  #chunks: Uint8Array[] = []
  #bufferedBytes = 0
  #writtenEnd: number
  #readEnd: number
  #isVerified = false
  #exposed = false
  #isTaken = false
  #isRead = false
  #failure: Error | undefined
  /** Resolves when anything above has changed. */
  #changed = Promise.withResolvers<undefined>()

  private constructor({ digest, sizeBytes, signal, prefix }: PassingFillInit, hash: DigestHash) {
    this.digest = digest
    this.sizeBytes = sizeBytes
    this.pieceBytes = pieceBytesFor(sizeBytes)
    this.#hash = hash
    this.#startOffset = prefix?.end ?? 0
    this.#writtenEnd = this.#startOffset
    this.#readEnd = this.#startOffset
    const onAbort = () => void this.fail(signal.reason as Error)
    signal.addEventListener('abort', onAbort, { once: true })
    this.#stopListening = () => signal.removeEventListener('abort', onAbort)
    if (signal.aborted) onAbort()
  }

  /** Rejects when the prefix can't be read. */
  static async start(init: PassingFillInit): Promise<PassingFill> {
    const hash = createDigestHash(digestAlgorithm(init.digest))
    if (init.prefix !== undefined && init.prefix.end > 0) {
      const { handle, end } = init.prefix
      for await (const chunk of handle.read({ start: 0, end }, init)) hash.update(chunk)
    }
    return new PassingFill(init, hash)
  }

  get exposed(): boolean {
    return this.#exposed
  }

  /** Whether it has its reader, so that `open` would throw. */
  get isTaken(): boolean {
    return this.#isTaken
  }

  firstMissing(): ByteRange | undefined {
    if (this.#writtenEnd === this.sizeBytes) return undefined
    return { start: this.#writtenEnd, end: this.sizeBytes }
  }

  /** Resolves when all `bytes` are in the window: after the reader has made room. */
  async write(offset: number, bytes: Uint8Array): Promise<void> {
    this.#requireUnended()
    if (offset !== this.#writtenEnd || offset + bytes.length > this.sizeBytes) {
      throw new RangeError(`${bytes.length} bytes don't belong at ${offset}`)
    }
    for (let done = 0; done < bytes.length;) {
      const roomBytes = WINDOW_BYTES - this.#bufferedBytes
      if (roomBytes === 0) {
        await this.#changed.promise
        this.#requireUnended()
        continue
      }
      const chunk = Buffer.from(bytes.subarray(done, done + roomBytes))
      this.#hash.update(chunk)
      this.#chunks.push(chunk)
      this.#bufferedBytes += chunk.length
      this.#writtenEnd += chunk.length
      done += chunk.length
      this.#wake()
    }
  }

  /** Nothing is there for long enough to be given to a peer. */
  pieceHash(): undefined {
    return undefined
  }

  whenWritten(): Promise<void> {
    return Promise.reject(new ContentUnavailableError(`${this.digest} is not kept`))
  }

  open(): BlobHandle {
    if (this.#isTaken || this.#failure !== undefined) {
      throw new FillEndedError(this.digest, { cause: this.#failure })
    }
    this.#isTaken = true
    const { digest, sizeBytes } = this
    return {
      digest,
      sizeBytes,
      read: (range = { start: 0, end: sizeBytes }, { signal } = {}) => this.#read(range, signal),
      // Without its reader it could never end.
      [Symbol.asyncDispose]: () => this.fail(new ContentUnavailableError(`nobody reads ${digest} any more`)),
    }
  }

  async commit(): Promise<BlobStat> {
    this.#requireUnended()
    const { digest, sizeBytes, pieceBytes } = this
    const actual = this.#hash.digest()
    if (actual !== digest) {
      const error = new BlobCorruptError(digest, actual)
      await this.fail(error)
      throw error
    }
    this.#isVerified = true
    this.#stopListening()
    this.#wake()
    return { digest, sizeBytes, pieceBytes }
  }

  pause(reason: Error): Promise<void> {
    return this.fail(reason)
  }

  fail(reason: Error): Promise<void> {
    this.#stopListening()
    this.#failure ??= reason
    this.#chunks = []
    this.#wake()
    return Promise.resolve()
  }

  async *#read({ start, end }: ByteRange, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
    // A part of the blob can't be verified without the rest, and nothing can be read twice.
    if (start !== this.#startOffset || end !== this.sizeBytes || this.#isRead) {
      throw new ContentUnavailableError(`${this.digest} is not kept, and can only be read as a whole`)
    }
    this.#isRead = true
    while (this.#readEnd < end || !this.#isVerified) {
      signal?.throwIfAborted()
      if (this.#failure !== undefined) throw this.#failure
      const chunk = this.#take()
      if (chunk === undefined) {
        await abortable(this.#changed.promise, signal)
        continue
      }
      this.#exposed = true
      yield chunk
    }
  }

  /** The next bytes that the reader may have. */
  #take(): Uint8Array | undefined {
    const readableEnd = this.#isVerified ? this.sizeBytes : this.sizeBytes - HELD_BACK_BYTES
    const readableBytes = Math.max(0, readableEnd - this.#readEnd)
    const [first] = this.#chunks
    if (first === undefined || readableBytes === 0) return undefined
    const chunk = first.subarray(0, readableBytes)
    if (chunk.length < first.length) this.#chunks[0] = first.subarray(chunk.length)
    else this.#chunks.shift()
    this.#bufferedBytes -= chunk.length
    this.#readEnd += chunk.length
    this.#wake()
    return chunk
  }

  #requireUnended(): void {
    if (this.#failure !== undefined || this.#isVerified) {
      throw new FillEndedError(this.digest, { cause: this.#failure })
    }
  }

  #wake(): void {
    this.#changed.resolve(undefined)
    this.#changed = Promise.withResolvers()
  }
}
