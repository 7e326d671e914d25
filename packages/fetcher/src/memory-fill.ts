import { createHash } from 'node:crypto'
import { abortable } from '@layermesh/async'
import {
  BlobCorruptError,
  type BlobHandle,
  type BlobStat,
  type ByteRange,
  type Digest,
  type Fill,
  FillEndedError,
  pieceBytesFor,
  RangeUnsatisfiableError,
  type ReadOptions,
} from '@layermesh/interface'
import { digestAlgorithm, digestOf } from '@layermesh/oci'

/**
 * A fill of a small blob that can't be kept, in memory, for all who want it now. Nobody sees a byte before the digest
 * of the whole has turned out right.
 */
export class MemoryFill implements Fill {
  readonly digest: Digest
  readonly sizeBytes: number
  readonly pieceBytes: number
  readonly #release: () => void
  readonly #verified = Promise.withResolvers<undefined>()
  #bytes: Uint8Array
  #writtenBytes = 0
  #hasEnded = false
  #exposed = false
  /** The writer, until the end of the fill, and each handle. */
  #owners = 1

  /** `release` is called when the bytes are gone: after the end of the fill and of every handle. */
  constructor(digest: Digest, sizeBytes: number, release: () => void) {
    this.digest = digest
    this.sizeBytes = sizeBytes
    this.pieceBytes = pieceBytesFor(sizeBytes)
    this.#release = release
    this.#bytes = new Uint8Array(sizeBytes)
    // It may fail with nobody listening.
    this.#verified.promise.catch(() => {})
  }

  get exposed(): boolean {
    return this.#exposed
  }

  firstMissing(): ByteRange | undefined {
    if (this.#writtenBytes === this.sizeBytes) return undefined
    return { start: this.#writtenBytes, end: this.sizeBytes }
  }

  /** Copies the bytes: other than those of a fill in general, they may be lent. */
  write(offset: number, bytes: Uint8Array): Promise<void> {
    if (this.#hasEnded) return Promise.reject(new FillEndedError(this.digest))
    if (offset !== this.#writtenBytes || offset + bytes.length > this.sizeBytes) {
      return Promise.reject(new RangeError(`${bytes.length} bytes don't belong at ${offset}`))
    }
    this.#bytes.set(bytes, offset)
    this.#writtenBytes += bytes.length
    return Promise.resolve()
  }

  pieceHash(index: number): Uint8Array | undefined {
    const start = index * this.pieceBytes
    const end = Math.min(start + this.pieceBytes, this.sizeBytes)
    if (start >= end || end > this.#writtenBytes) return undefined
    return createHash('sha256').update(this.#bytes.subarray(start, end)).digest()
  }

  /** Later than it must: nobody could read the bytes before. */
  async whenWritten(_range: ByteRange, options: ReadOptions = {}): Promise<void> {
    await abortable(this.#verified.promise, options.signal)
  }

  open(): BlobHandle {
    if (this.#owners === 0) throw new FillEndedError(this.digest)
    this.#owners += 1
    const { digest, sizeBytes } = this
    let isOpen = true
    return {
      digest,
      sizeBytes,
      read: (range = { start: 0, end: sizeBytes }, { signal } = {}) => this.#read(range, signal),
      [Symbol.asyncDispose]: () => {
        if (isOpen) this.#disown()
        isOpen = false
        return Promise.resolve()
      },
    }
  }

  async commit(): Promise<BlobStat> {
    if (this.#hasEnded) throw new FillEndedError(this.digest)
    const { digest, sizeBytes, pieceBytes } = this
    const actual = digestOf(this.#bytes, digestAlgorithm(digest))
    if (actual !== digest) {
      const error = new BlobCorruptError(digest, actual)
      await this.fail(error)
      throw error
    }
    this.#verified.resolve(undefined)
    this.#end()
    return { digest, sizeBytes, pieceBytes }
  }

  pause(reason: Error): Promise<void> {
    return this.fail(reason)
  }

  fail(reason: Error): Promise<void> {
    this.#verified.reject(reason)
    this.#end()
    return Promise.resolve()
  }

  async *#read({ start, end }: ByteRange, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
    if (!(0 <= start && start <= end && end <= this.sizeBytes)) {
      throw new RangeUnsatisfiableError(this.sizeBytes)
    }
    await abortable(this.#verified.promise, signal)
    this.#exposed = true
    if (start < end) yield this.#bytes.subarray(start, end)
  }

  #end(): void {
    if (!this.#hasEnded) this.#disown()
    this.#hasEnded = true
  }

  #disown(): void {
    this.#owners -= 1
    if (this.#owners > 0) return
    this.#bytes = new Uint8Array()
    this.#release()
  }
}
