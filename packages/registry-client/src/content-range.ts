import { parseByteCount } from './byte-count.ts'

/** What a `Content-Range` says: `start` is undefined in a 416, `sizeBytes` when the server didn't know it. */
export interface ContentRange {
  readonly start: number | undefined
  readonly sizeBytes: number | undefined
}

const CONTENT_RANGE = /^bytes (?:(\d+)-(\d+)|\*)\/(\d+|\*)$/i

/** Reads a `Content-Range` (RFC 9110 §14.4); undefined when there is none or it contradicts itself. */
export function parseContentRange(header: string | undefined): ContentRange | undefined {
  const match = CONTENT_RANGE.exec(header?.trim() ?? '')
  if (match === null) return undefined
  const [start, last, sizeBytes] = match.slice(1).map(parseByteCount)
  // The last position is inclusive on the wire.
  if (start !== undefined && (last === undefined || last < start)) return undefined
  if (last !== undefined && sizeBytes !== undefined && last >= sizeBytes) return undefined
  return { start, sizeBytes }
}
