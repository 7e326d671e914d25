import { CHUNK_BYTES, MIN_CHUNK_BYTES, type BufferPool } from './buffer-pool.ts'

/** The buffers of a reader that lends what it has read: two at most, so that one can be read while the next is filled. */
export class AlternatingBuffers {
  readonly #pool: BufferPool
  #lent: Uint8Array[] = []

  constructor(pool: BufferPool) {
    this.#pool = pool
  }

  /** A buffer to fill; nobody may read any more what was in the last but one. */
  next(): Uint8Array {
    const [oldest, latest] = this.#lent
    if (oldest !== undefined && latest !== undefined) {
      // Given back even to be taken again: it may be larger than a reader gets now.
      this.#pool.release(oldest)
      this.#lent = [latest]
    }
    // Nobody knows how many come at once: a reader begins with little.
    const buffer = this.#pool.acquire(this.#lent.length === 0 ? MIN_CHUNK_BYTES : CHUNK_BYTES)
    this.#lent.push(buffer)
    return buffer
  }

  /** Nobody reads any of them. */
  release(): void {
    for (const buffer of this.#lent.splice(0)) this.#pool.release(buffer)
  }

  /** Somebody may still read them: they are left to the garbage collector. */
  abandon(): void {
    for (const buffer of this.#lent.splice(0)) this.#pool.abandon(buffer)
  }
}
