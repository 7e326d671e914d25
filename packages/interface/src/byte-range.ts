/** Bytes `start` (inclusive) to `end` (exclusive) of a blob; both are offsets in bytes, `0 <= start <= end`. */
export interface ByteRange {
  readonly start: number
  readonly end: number
}
