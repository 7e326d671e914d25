const KiB = 1024
const MiB = 1024 * KiB

/** The most that is read at once, in bytes. */
export const CHUNK_BYTES = MiB

/** What is read at once when very many read. */
export const MIN_CHUNK_BYTES = 64 * KiB

/** What all readers together have, and what stays allocated for the next when nobody reads. */
export const POOL_BYTES = 32 * MiB

/**
 * Buffers that go from reader to reader, so that a wave of readers doesn't allocate anew. The more are lent, the smaller are
 * those that are lent next: many readers take little more memory than some, and each of them still reads enough at once.
 */
export class BufferPool {
  /** By size. */
  readonly #idle = new Map<number, Uint8Array[]>()
  #idleBytes = 0
  #lentBytes = 0
  #lent = 0

  /** What is to be read at once now, in bytes: a power of two. */
  get chunkBytes(): number {
    let sizeBytes = CHUNK_BYTES
    while (sizeBytes > MIN_CHUNK_BYTES && sizeBytes * this.#lent > POOL_BYTES) sizeBytes /= 2
    return sizeBytes
  }

  /** Bytes of all buffers, lent and idle. */
  get bytes(): number {
    return this.#lentBytes + this.#idleBytes
  }

  /** Lends a buffer, of {@link chunkBytes} as it is then, to be given back by `release` or `abandon`. */
  acquire(): Uint8Array {
    this.#lent += 1
    const sizeBytes = this.chunkBytes
    const buffer = this.#takeIdle(sizeBytes) ?? allocateBytes(sizeBytes)
    this.#lentBytes += sizeBytes
    // Those of other sizes give way.
    this.#shrinkTo(POOL_BYTES - this.#lentBytes)
    return buffer
  }

  /** Gives back a buffer of `acquire` that nobody reads or writes any more. */
  release(buffer: Uint8Array): void {
    this.abandon(buffer)
    if (this.bytes + buffer.length > POOL_BYTES) return
    const idle = this.#idle.get(buffer.length)
    if (idle === undefined) this.#idle.set(buffer.length, [buffer])
    else idle.push(buffer)
    this.#idleBytes += buffer.length
  }

  /** Gives up a buffer of `acquire` that somebody may still read. */
  abandon(buffer: Uint8Array): void {
    this.#lent -= 1
    this.#lentBytes -= buffer.length
  }

  #takeIdle(sizeBytes: number): Uint8Array | undefined {
    const buffer = this.#idle.get(sizeBytes)?.pop()
    if (buffer !== undefined) this.#idleBytes -= sizeBytes
    return buffer
  }

  #shrinkTo(idleBytes: number): void {
    for (const sizeBytes of this.#idle.keys()) {
      while (this.#idleBytes > idleBytes && this.#takeIdle(sizeBytes) !== undefined);
    }
  }
}

/**
 * Memory of its own, not zeroed, for reading into. It isn't a Buffer, because `slice` of a Buffer doesn't copy:
 * whoever keeps a chunk by `chunk.slice()` would keep memory that changes.
 */
export function allocateBytes(sizeBytes: number): Uint8Array {
  return new Uint8Array(Buffer.allocUnsafeSlow(sizeBytes).buffer, 0, sizeBytes)
}
