const MiB = 1024 * 1024

const MIN_PIECE_BYTES = MiB
const MAX_PIECE_BYTES = 16 * MiB
/** Few enough for a small piece table, many enough to fetch from several peers at once. */
const TARGET_PIECES = 512

/**
 * The size of a blob's pieces: the smallest power of two that gives at most 512 pieces, but 1 MiB at least and
 * 16 MiB at most. A blob that isn't larger than that is one piece. Every node of a cluster cuts like this.
 */
export function pieceBytesFor(sizeBytes: number): number {
  let pieceBytes = MIN_PIECE_BYTES
  while (pieceBytes < MAX_PIECE_BYTES && pieceBytes * TARGET_PIECES < sizeBytes) pieceBytes *= 2
  return pieceBytes
}
