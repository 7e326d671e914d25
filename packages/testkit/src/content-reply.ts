import type { ByteRange } from '@layermesh/interface'
import type { BuiltContent } from './built-content.ts'
import type { OriginRequest } from './origin-request.ts'
import { emptyReply, errorReply, type Reply } from './reply.ts'

/** Options of {@link contentReply}. */
export interface ContentReplyOptions {
  readonly mediaType: string
  /** Whether `Range` is honoured. */
  readonly ranges: boolean
}

/** Answers a request for content that is there: whole, a range of it, or "you have it" (RFC 9110 §13.1.2, §14.2). */
export function contentReply(
  request: OriginRequest,
  content: BuiltContent,
  options: ContentReplyOptions,
): Reply {
  const { digest, sizeBytes } = content.descriptor
  const identity = { 'docker-content-digest': digest, etag: `"${digest}"` }
  if (isUnchanged(request.headers['if-none-match'], digest)) return emptyReply(304, identity)
  const headers = {
    ...identity,
    'content-type': options.mediaType,
    ...(options.ranges ? { 'accept-ranges': 'bytes' } : {}),
  }
  const range = options.ranges ? parseRange(request.headers.range, sizeBytes) : undefined
  if (range === 'unsatisfiable') {
    return errorReply(416, 'RANGE_INVALID', 'the range is not inside the blob', {
      'content-range': `bytes */${sizeBytes}`,
    })
  }
  const { start, end } = range ?? { start: 0, end: sizeBytes }
  const length = { 'content-length': String(end - start) }
  const body = content.bytes.subarray(start, end)
  const reply = { headers: { ...headers, ...length }, body, content: { digest, sizeBytes } }
  if (range === undefined) return { status: 200, ...reply }
  const contentRange = { 'content-range': `bytes ${start}-${end - 1}/${sizeBytes}` }
  return { status: 206, ...reply, headers: { ...reply.headers, ...contentRange } }
}

function isUnchanged(ifNoneMatch: string | undefined, digest: string): boolean {
  const known = ifNoneMatch?.split(',').map((tag) => tag.trim().replace(/^W\//, '').replaceAll('"', ''))
  return known?.some((tag) => tag === digest || tag === '*') ?? false
}

/**
 * Reads a `Range` header (RFC 9110 §14.1.2). Undefined, which means the whole, for none, for another unit, for any
 * range of nothing, and for several ranges: a server may ignore them, and large public registries do.
 */
function parseRange(header: string | undefined, sizeBytes: number): ByteRange | 'unsatisfiable' | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header ?? '')
  if (match === null || match[0] === 'bytes=-' || sizeBytes === 0) return undefined
  const [, first = '', last = ''] = match
  const start = first === '' ? Math.max(0, sizeBytes - Number(last)) : Number(first)
  const end = first === '' || last === '' ? sizeBytes : Math.min(Number(last) + 1, sizeBytes)
  return start < end ? { start, end } : 'unsatisfiable'
}
