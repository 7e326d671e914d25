import type { ByteRange } from '@layermesh/interface'

/** The part of a byte range that lies in one piece; offsets are those of the blob. */
export interface PieceSlice extends ByteRange {
  readonly index: number
}

/** How a blob is cut into pieces. All are `pieceBytes` long but the last; an empty blob has none. */
export class PieceGrid {
  readonly sizeBytes: number
  readonly pieceBytes: number
  readonly count: number

  constructor(sizeBytes: number, pieceBytes: number) {
    this.sizeBytes = sizeBytes
    this.pieceBytes = pieceBytes
    this.count = Math.ceil(sizeBytes / pieceBytes)
  }

  /** The piece that the byte at `offset` lies in. */
  indexOf(offset: number): number {
    return Math.floor(offset / this.pieceBytes)
  }

  /** Offset of the first byte of piece `index`. */
  startOf(index: number): number {
    return index * this.pieceBytes
  }

  /** Offset after the last byte of piece `index`. */
  endOf(index: number): number {
    return Math.min((index + 1) * this.pieceBytes, this.sizeBytes)
  }

  /** Offset of the first byte of the last piece; 0 when there is none. */
  get lastStart(): number {
    return Math.max(0, this.count - 1) * this.pieceBytes
  }

  /** Cuts `range` at the borders of the pieces, in order; nothing for an empty range. */
  *slices(range: ByteRange): Generator<PieceSlice> {
    let start = range.start
    while (start < range.end) {
      const index = this.indexOf(start)
      const end = Math.min(this.endOf(index), range.end)
      yield { index, start, end }
      start = end
    }
  }
}
