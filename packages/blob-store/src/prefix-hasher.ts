import type { FileHandle } from 'node:fs/promises'
import type { Digest, DigestAlgorithm } from '@layermesh/interface'
import { createDigestHash, type DigestHash } from '@layermesh/oci'
import type { BufferPool } from './buffer-pool.ts'
import { readFully } from './range-reader.ts'

/** The hash of the bytes before an offset. */
export interface HashedPrefix {
  readonly hash: DigestHash
  readonly endOffset: number
}

/**
 * Hashes a file while it is being filled, so that there is little left to hash when the last byte has come. Bytes
 * that continue the hashed prefix are taken from memory; those that were written ahead of it are read back from
 * the file once the gap before them is closed.
 */
export class PrefixHasher {
  readonly #hash: DigestHash
  readonly #file: FileHandle
  readonly #pool: BufferPool
  #hashedEnd: number
  #prefixEnd: number
  #readBack: Promise<void> | undefined

  /** Goes on from `begun` when a part of the file has been hashed already. */
  constructor(
    algorithm: DigestAlgorithm,
    file: FileHandle,
    pool: BufferPool,
    begun: HashedPrefix = { hash: createDigestHash(algorithm), endOffset: 0 },
  ) {
    this.#hash = begun.hash
    this.#hashedEnd = begun.endOffset
    this.#prefixEnd = begun.endOffset
    this.#file = file
    this.#pool = pool
  }

  /** Where the bytes end that are hashed. */
  get hashedEnd(): number {
    return this.#hashedEnd
  }

  /** Takes `bytes` from memory if they continue what is hashed; they need not be in the file yet. */
  update(offset: number, bytes: Uint8Array): void {
    if (this.#readBack !== undefined || offset !== this.#hashedEnd) return
    this.#hash.update(bytes)
    this.#hashedEnd += bytes.length
  }

  /** All bytes before `prefixEnd` are in the file. Reads back those that `update` has not taken. */
  extend(prefixEnd: number): void {
    this.#prefixEnd = prefixEnd
    if (this.#readBack === undefined && this.#hashedEnd < prefixEnd) {
      this.#readBack = this.#catchUp()
      // Whoever needs the digest sees the failure; when nobody does, the fill has failed for another reason.
      this.#readBack.catch(() => {})
    }
  }

  /** The digest of the prefix; ends the hasher. Rejects when bytes can't be read back. */
  async digest(): Promise<Digest> {
    await this.#readBack
    return this.#hash.digest()
  }

  /** Stops reading back; resolves when the file isn't used any more. */
  async stop(): Promise<void> {
    this.#prefixEnd = this.#hashedEnd
    await this.#readBack?.catch(() => {})
  }

  async #catchUp(): Promise<void> {
    const buffer = this.#pool.acquire()
    try {
      // The prefix may go on growing meanwhile: what is added is read back as well.
      while (this.#hashedEnd < this.#prefixEnd) {
        const length = Math.min(buffer.length, this.#prefixEnd - this.#hashedEnd)
        const chunk = buffer.subarray(0, length)
        const bytesRead = await readFully(this.#file, chunk, this.#hashedEnd)
        if (bytesRead < length) throw new Error(`the file ends at ${this.#hashedEnd + bytesRead}`)
        this.#hash.update(chunk)
        this.#hashedEnd += length
      }
    } finally {
      this.#pool.release(buffer)
    }
    this.#readBack = undefined
  }
}
