const DIGITS = /^\d{1,15}$/

/** Reads a `Content-Length`, or a number of a `Content-Range`: digits that a double holds exactly, else undefined. */
export function parseByteCount(text: string | undefined): number | undefined {
  return text !== undefined && DIGITS.test(text) ? Number(text) : undefined
}
