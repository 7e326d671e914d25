import { BufferSlab } from './buffer-slab.ts'

const KiB = 1024
const MiB = 1024 * KiB

/** The most that is read at once, in bytes. */
export const CHUNK_BYTES = MiB

/** What is read at once when very many read. */
export const MIN_CHUNK_BYTES = CHUNK_BYTES / 16

/** What all readers together have, and what stays allocated for the next when nobody reads. */
export const POOL_BYTES = 32 * MiB

/**
 * Buffers that go from reader to reader, so that a wave of readers doesn't allocate anew. The more are lent, the smaller are
 * those that are lent next: many readers take little more memory than some, and each of them still reads enough at once. They are
 * parts of the same memory, so that readers who come and go leave no garbage behind.
 */
export class BufferPool {
  /** By the memory that their parts are views of. */
  readonly #slabs = new Map<ArrayBufferLike, BufferSlab>()
  #lent = 0

  /** What is to be read at once now, in bytes: a power of two. */
  get chunkBytes(): number {
    let sizeBytes = CHUNK_BYTES
    while (sizeBytes > MIN_CHUNK_BYTES && sizeBytes * this.#lent > POOL_BYTES) sizeBytes /= 2
    return sizeBytes
  }

  /** Bytes of all buffers, lent and idle. */
  get bytes(): number {
    return this.#slabs.size * CHUNK_BYTES
  }

  /**
   * Lends a buffer, to be given back by `release` or `abandon`: of {@link chunkBytes} as it is then, or of `maxBytes`, a power of
   * two, if that is less.
   */
  acquire(maxBytes = CHUNK_BYTES): Uint8Array {
    this.#lent += 1
    const sizeBytes = Math.min(this.chunkBytes, maxBytes)
    for (;;) {
      for (const slab of this.#slabs.values()) {
        const buffer = slab.take(sizeBytes)
        if (buffer !== undefined) return buffer
      }
      const slab = new BufferSlab(CHUNK_BYTES)
      this.#slabs.set(slab.memory, slab)
    }
  }

  /** Gives back a buffer of `acquire` that nobody reads or writes any more. */
  release(buffer: Uint8Array): void {
    this.#lent -= 1
    const slab = this.#slabs.get(buffer.buffer)
    slab?.giveBack(buffer)
    if (slab?.isIdle === true && this.bytes > POOL_BYTES) this.#slabs.delete(buffer.buffer)
  }

  /** Gives up a buffer of `acquire` that somebody may still read: nothing else is lent of its memory any more. */
  abandon(buffer: Uint8Array): void {
    this.#lent -= 1
    this.#slabs.delete(buffer.buffer)
  }
}
