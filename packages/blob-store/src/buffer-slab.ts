import { allocateBytes } from './allocate-bytes.ts'

const ALL_FREE = 0xffff

/** Memory that is lent in parts: 16 units, of which 1, 2, 4, 8 or all are lent as one buffer. */
export class BufferSlab {
  readonly #bytes: Uint8Array
  readonly #unitBytes: number
  /** A bit for each unit that isn't lent. */
  #free = ALL_FREE

  constructor(sizeBytes: number) {
    this.#bytes = allocateBytes(sizeBytes)
    this.#unitBytes = sizeBytes / 16
  }

  /** What its parts are views of. */
  get memory(): ArrayBufferLike {
    return this.#bytes.buffer
  }

  /** Whether no part is lent. */
  get isIdle(): boolean {
    return this.#free === ALL_FREE
  }

  /** Lends a part of `sizeBytes`; undefined when there is none in one piece. */
  take(sizeBytes: number): Uint8Array | undefined {
    const units = sizeBytes / this.#unitBytes
    for (let first = 0; first < 16; first += units) {
      const mask = maskOf(first, units)
      if ((this.#free & mask) !== mask) continue
      this.#free &= ~mask
      return this.#bytes.subarray(first * this.#unitBytes, (first + units) * this.#unitBytes)
    }
    return undefined
  }

  /** Takes back a part that nobody reads or writes any more. */
  giveBack(part: Uint8Array): void {
    this.#free |= maskOf(part.byteOffset / this.#unitBytes, part.length / this.#unitBytes)
  }
}

function maskOf(first: number, units: number): number {
  return ((1 << units) - 1) << first
}
