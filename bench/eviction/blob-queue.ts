import type { TraceBlob } from '../support/trace.ts'

/** Blobs in the order in which they were put, and their size. */
export class BlobQueue {
  readonly #blobs: readonly TraceBlob[]
  readonly #queue = new Set<number>()
  #bytes = 0

  constructor(blobs: readonly TraceBlob[]) {
    this.#blobs = blobs
  }

  get bytes(): number {
    return this.#bytes
  }

  sizeOf(blob: number): number {
    const found = this.#blobs[blob]
    if (found === undefined) throw new RangeError(`no blob ${blob}`)
    return found.sizeBytes
  }

  has(blob: number): boolean {
    return this.#queue.has(blob)
  }

  /** Puts a blob last, whether it is in the queue or not. */
  put(blob: number): void {
    this.remove(blob)
    this.#queue.add(blob)
    this.#bytes += this.sizeOf(blob)
  }

  /** Says whether the blob was there. */
  remove(blob: number): boolean {
    if (!this.#queue.delete(blob)) return false
    this.#bytes -= this.sizeOf(blob)
    return true
  }

  /** The first blob in the order, if there is any that `isLeased` lets go. */
  first(isLeased: (blob: number) => boolean = () => false): number | undefined {
    for (const blob of this.#queue) if (!isLeased(blob)) return blob
    return undefined
  }
}
