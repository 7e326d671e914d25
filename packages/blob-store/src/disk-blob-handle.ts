import type { BlobHandle, ByteRange, Digest, ReadOptions } from '@layermesh/interface'
import type { BufferPool } from './buffer-pool.ts'
import { readRange, type RangeSource } from './range-reader.ts'
import type { SharedFile } from './shared-file.ts'

/** An open blob on disk; one of the owners of its file, so that it stays readable when the name is gone. */
export class DiskBlobHandle implements BlobHandle {
  readonly digest: Digest
  readonly sizeBytes: number
  readonly #source: RangeSource
  readonly #file: SharedFile
  readonly #pool: BufferPool
  #isDisposed = false

  /** Takes over one ownership of `file`, which is the file of `source`. */
  constructor(digest: Digest, source: RangeSource, file: SharedFile, pool: BufferPool) {
    this.digest = digest
    this.sizeBytes = source.sizeBytes
    this.#source = source
    this.#file = file
    this.#pool = pool
  }

  read(
    range: ByteRange = { start: 0, end: this.sizeBytes },
    options: ReadOptions = {},
  ): AsyncIterable<Uint8Array> {
    return readRange(this.#source, this.#pool, range, options.signal)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isDisposed) return
    this.#isDisposed = true
    await this.#file.release()
  }
}
