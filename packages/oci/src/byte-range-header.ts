import type { ByteRange } from '@layermesh/interface'

/** What a `Range` header asks for: `whole` when the header is to be ignored, which is always allowed. */
export type RequestedRange = ByteRange | 'whole' | 'unsatisfiable'

const UNIT = /^bytes=/i
const FIRST_AND_LAST = /^(\d+)-(\d*)$/
const SUFFIX = /^-(\d+)$/

/**
 * Reads a `Range` header for a blob of `sizeBytes` (RFC 9110 §14.1.2). Another unit, a malformed header and more than
 * one range count as `whole`.
 */
export function parseRange(header: string | undefined, sizeBytes: number): RequestedRange {
  // Nothing of an empty blob can be asked for, and runtimes send `bytes=0-` with every request.
  if (header === undefined || sizeBytes === 0 || !UNIT.test(header)) return 'whole'
  // A list may have empty elements (RFC 9110 §5.6.1.2).
  const specs = header
    .slice('bytes='.length)
    .split(',')
    .map((spec) => spec.trim())
    .filter((spec) => spec !== '')
  const [spec] = specs
  if (spec === undefined || specs.length > 1) return 'whole'
  const suffix = SUFFIX.exec(spec)
  if (suffix !== null) return suffixRange(Number(suffix[1]), sizeBytes)
  const [, first, last] = FIRST_AND_LAST.exec(spec) ?? []
  if (first === undefined) return 'whole'
  return intRange(Number(first), last === undefined || last === '' ? Infinity : Number(last), sizeBytes)
}

/** The `Content-Range` of a 206 (RFC 9110 §14.4). */
export function contentRange({ start, end }: ByteRange, sizeBytes: number): string {
  return `bytes ${start}-${end - 1}/${sizeBytes}`
}

/** The `Content-Range` of a 416 (RFC 9110 §14.4). */
export function unsatisfiedContentRange(sizeBytes: number): string {
  return `bytes */${sizeBytes}`
}

// The last position is inclusive on the wire. RFC 9110 lets a server ignore `500-0`; the conformance suite wants 416.
function intRange(first: number, last: number, sizeBytes: number): RequestedRange {
  if (first >= sizeBytes || last < first) return 'unsatisfiable'
  return { start: first, end: Math.min(last, sizeBytes - 1) + 1 }
}

function suffixRange(length: number, sizeBytes: number): RequestedRange {
  return length === 0 ? 'unsatisfiable' : { start: Math.max(0, sizeBytes - length), end: sizeBytes }
}
