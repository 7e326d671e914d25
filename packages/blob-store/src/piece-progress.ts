import type { ByteRange } from '@layermesh/interface'
import type { PieceGrid } from './piece-grid.ts'

/** Which bytes of a blob have been written. Pieces come in any order, the bytes of one piece from its start on. */
export class PieceProgress {
  readonly #grid: PieceGrid
  /** Bytes written from the start of each piece. */
  readonly #written: Uint32Array
  #firstIncomplete = 0

  constructor(grid: PieceGrid) {
    this.#grid = grid
    this.#written = new Uint32Array(grid.count)
  }

  /** All bytes before this offset are written, the one at it isn't. */
  get prefixEnd(): number {
    return this.isComplete ? this.#grid.sizeBytes : this.#writtenEndOf(this.#firstIncomplete)
  }

  /** Whether every byte is written. */
  get isComplete(): boolean {
    return this.#firstIncomplete === this.#grid.count
  }

  /** Whether every byte of piece `index` is written. */
  isPieceComplete(index: number): boolean {
    return this.#writtenEndOf(index) === this.#grid.endOf(index)
  }

  /** The first bytes that are missing: up to the next written one. Undefined when none is. */
  firstMissing(): ByteRange | undefined {
    if (this.isComplete) return undefined
    const first = this.#firstIncomplete
    let next = first + 1
    while (next < this.#grid.count && this.#written[next] === 0) next++
    return { start: this.#writtenEndOf(first), end: this.#grid.endOf(next - 1) }
  }

  /** How far the bytes from `offset` on are written without a gap, looking no further than `limit`; at least `offset`. */
  writtenEnd(offset: number, limit: number): number {
    let end = offset
    while (end < limit) {
      const index = this.#grid.indexOf(end)
      end = Math.max(end, this.#writtenEndOf(index))
      if (!this.isPieceComplete(index)) break
    }
    return Math.max(offset, Math.min(end, limit))
  }

  /** Throws a RangeError unless `range` lies in the blob and begins, in each piece that it touches, where that has been written to. */
  requireWritable(range: ByteRange): void {
    if (!Number.isSafeInteger(range.start) || range.start < 0 || range.end > this.#grid.sizeBytes) {
      throw new RangeError(
        `bytes ${range.start} to ${range.end} are not inside a blob of ${this.#grid.sizeBytes} bytes`,
      )
    }
    for (const { index, start } of this.#grid.slices(range)) {
      const expected = this.#writtenEndOf(index)
      if (start !== expected) {
        throw new RangeError(`piece ${index} is written up to offset ${expected}, not up to ${start}`)
      }
    }
  }

  /** Takes note that `range`, which was writable, is written. */
  record(range: ByteRange): void {
    for (const { index, end } of this.#grid.slices(range)) {
      this.#written[index] = end - this.#grid.startOf(index)
    }
    while (!this.isComplete && this.isPieceComplete(this.#firstIncomplete)) this.#firstIncomplete++
  }

  #writtenEndOf(index: number): number {
    return this.#grid.startOf(index) + (this.#written[index] ?? 0)
  }
}
