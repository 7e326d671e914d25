/**
 * Bytes in the order in which they arrived, in whatever pieces they came. Chunks are kept as they are until they
 * are taken, so that a byte is copied once between the transport and a frame.
 */
export class ByteQueue {
  readonly #chunks: Uint8Array[] = []
  #headOffset = 0
  #byteLength = 0

  get byteLength(): number {
    return this.#byteLength
  }

  push(chunk: Uint8Array): void {
    if (chunk.length === 0) return
    this.#chunks.push(chunk)
    this.#byteLength += chunk.length
  }

  /** The first four bytes as an unsigned big-endian number, which stay in the queue. Throws RangeError when there are fewer. */
  peekUint32(): number {
    if (this.#byteLength < 4) throw new RangeError('fewer than four bytes are queued')
    let value = 0
    let [index, offset] = [0, this.#headOffset]
    for (let count = 0; count < 4; count += 1) {
      while (offset === this.#chunks[index]?.length) [index, offset] = [index + 1, 0]
      // Multiplied, not shifted: the operators on bits make signed numbers.
      value = value * 256 + (this.#chunks[index]?.[offset] ?? 0)
      offset += 1
    }
    return value
  }

  /** Takes `sizeBytes` bytes, copied into memory of their own. Throws RangeError when there are fewer. */
  take(sizeBytes: number): Uint8Array {
    if (this.#byteLength < sizeBytes) throw new RangeError(`fewer than ${sizeBytes} bytes are queued`)
    // Not zeroed first, because each byte is written; not a Buffer, because Buffers compare unequal to Uint8Arrays.
    const taken = new Uint8Array(Buffer.allocUnsafeSlow(sizeBytes).buffer)
    for (let filled = 0; filled < sizeBytes;) filled += this.#moveFromHead(taken, filled)
    return taken
  }

  /** Drops `sizeBytes` bytes, or all when there are fewer. */
  drop(sizeBytes: number): void {
    for (let left = Math.min(sizeBytes, this.#byteLength); left > 0;) {
      const head = this.#head()
      const dropped = Math.min(left, head.length)
      this.#advance(head, dropped)
      left -= dropped
    }
  }

  #moveFromHead(target: Uint8Array, offset: number): number {
    const head = this.#head()
    const moved = Math.min(target.length - offset, head.length)
    target.set(moved < head.length ? head.subarray(0, moved) : head, offset)
    this.#advance(head, moved)
    return moved
  }

  #head(): Uint8Array {
    const chunk = this.#chunks[0] ?? new Uint8Array()
    return this.#headOffset === 0 ? chunk : chunk.subarray(this.#headOffset)
  }

  #advance(head: Uint8Array, bytes: number): void {
    this.#byteLength -= bytes
    this.#headOffset += bytes
    if (bytes < head.length) return
    this.#chunks.shift()
    this.#headOffset = 0
  }
}
