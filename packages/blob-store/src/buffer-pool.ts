/** The most that is read at once, in bytes. */
export const CHUNK_BYTES = 1024 * 1024

/** What stays allocated for the next readers when nobody reads: 32 MiB. */
const MAX_IDLE_BUFFERS = 32

/** Buffers of {@link CHUNK_BYTES} that go from reader to reader, so that a wave of readers doesn't allocate anew. */
export class BufferPool {
  readonly #idle: Uint8Array[] = []

  acquire(): Uint8Array {
    return this.#idle.pop() ?? allocateBytes(CHUNK_BYTES)
  }

  /** Gives back a buffer of `acquire` that nobody reads or writes any more. */
  release(buffer: Uint8Array): void {
    if (this.#idle.length < MAX_IDLE_BUFFERS) this.#idle.push(buffer)
  }
}

/**
 * Memory of its own, not zeroed, for reading into. It isn't a Buffer, because `slice` of a Buffer doesn't copy:
 * whoever keeps a chunk by `chunk.slice()` would keep memory that changes.
 */
export function allocateBytes(sizeBytes: number): Uint8Array {
  return new Uint8Array(Buffer.allocUnsafeSlow(sizeBytes).buffer, 0, sizeBytes)
}
