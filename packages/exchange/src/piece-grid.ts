/** Longest content that is transferred, in bytes. */
export const MAX_CONTENT_BYTES = 2 ** 40

/** Smallest and largest piece of content that is cut into several, in bytes. */
const MIN_PIECE_BYTES = 4 * 1024
export const MAX_PIECE_BYTES = 16 * 1024 * 1024

/** How content is cut into pieces: all are `pieceBytes` long but the last, which is what remains. */
export interface PieceGrid {
  readonly sizeBytes: number
  readonly pieceBytes: number
}

/**
 * Whether a peer may cut content like this: a power of two within the limits, which bounds both our memory and
 * the number of pieces. Content in a single piece may be cut as long as it is.
 */
export function isSaneGrid({ sizeBytes, pieceBytes }: PieceGrid): boolean {
  if (sizeBytes > MAX_CONTENT_BYTES || pieceBytes > MAX_PIECE_BYTES) return false
  return pieceBytes >= sizeBytes || (pieceBytes >= MIN_PIECE_BYTES && Number.isInteger(Math.log2(pieceBytes)))
}

/** How many pieces content has. */
export function pieceCount({ sizeBytes, pieceBytes }: PieceGrid): number {
  return sizeBytes === 0 ? 0 : Math.ceil(sizeBytes / pieceBytes)
}

/** Size of a piece in bytes, undefined when there is no such piece. */
export function pieceSizeBytes({ sizeBytes, pieceBytes }: PieceGrid, index: number): number | undefined {
  if (!Number.isSafeInteger(index) || index < 0) return undefined
  const start = index * pieceBytes
  return start < sizeBytes ? Math.min(pieceBytes, sizeBytes - start) : undefined
}
