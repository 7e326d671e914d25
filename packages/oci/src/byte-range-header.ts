import type { ByteRange } from '@layermesh/interface'

/** The most ranges that one request may ask for: far more than any client does. */
export const MAX_RANGES = 1024

/** How many times the bytes of a blob one request may ask for. */
const MAX_REPETITION = 2

/** The ranges that a `Range` header asks for, in its order and as it has them: neither sorted nor merged. */
export interface RequestedRanges {
  readonly ranges: readonly [ByteRange, ...ByteRange[]]
  /** Whether the header has more than one, so that the reply has parts (RFC 9110 §15.3.7.2). */
  readonly isMultiple: boolean
}

/**
 * What a `Range` header asks for: `whole` when the header is to be ignored, which is always allowed; `excessive` when it asks for
 * more than any client needs, and would cost more than the blob.
 */
export type RequestedRange = RequestedRanges | 'whole' | 'unsatisfiable' | 'excessive'

const UNIT = /^bytes=/i
const FIRST_AND_LAST = /^(\d+)-(\d*)$/
const SUFFIX = /^-(\d+)$/

/**
 * Reads a `Range` header for a blob of `sizeBytes` (RFC 9110 §14.1.2). Another unit and a malformed header count as `whole`.
 * Of several ranges, those that lie outside the blob are left out.
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
  if (specs.length > MAX_RANGES) return 'excessive'
  const parsed = specs.map((spec) => parseSpec(spec, sizeBytes))
  if (parsed.length === 0 || parsed.includes('malformed')) return 'whole'
  const [first, ...others] = parsed.filter((range) => typeof range === 'object')
  if (first === undefined) return 'unsatisfiable'
  const ranges = [first, ...others] as const
  const totalBytes = ranges.reduce((sum, { start, end }) => sum + end - start, 0)
  if (totalBytes > MAX_REPETITION * sizeBytes) return 'excessive'
  return { ranges, isMultiple: specs.length > 1 }
}

/** The `Content-Range` of a 206 (RFC 9110 §14.4). */
export function contentRange({ start, end }: ByteRange, sizeBytes: number): string {
  return `bytes ${start}-${end - 1}/${sizeBytes}`
}

/** The `Content-Range` of a 416 (RFC 9110 §14.4). */
export function unsatisfiedContentRange(sizeBytes: number): string {
  return `bytes */${sizeBytes}`
}

function parseSpec(spec: string, sizeBytes: number): ByteRange | 'malformed' | 'unsatisfiable' {
  const suffix = SUFFIX.exec(spec)
  if (suffix !== null) return suffixRange(Number(suffix[1]), sizeBytes)
  const [, first, last] = FIRST_AND_LAST.exec(spec) ?? []
  if (first === undefined) return 'malformed'
  return intRange(Number(first), last === undefined || last === '' ? Infinity : Number(last), sizeBytes)
}

// The last position is inclusive on the wire. RFC 9110 lets a server ignore `500-0`; the conformance suite wants 416.
function intRange(first: number, last: number, sizeBytes: number): ByteRange | 'unsatisfiable' {
  if (first >= sizeBytes || last < first) return 'unsatisfiable'
  return { start: first, end: Math.min(last, sizeBytes - 1) + 1 }
}

function suffixRange(length: number, sizeBytes: number): ByteRange | 'unsatisfiable' {
  return length === 0 ? 'unsatisfiable' : { start: Math.max(0, sizeBytes - length), end: sizeBytes }
}
