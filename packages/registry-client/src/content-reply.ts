import { UpstreamProtocolError } from '@layermesh/interface'
import { parseByteCount } from './byte-count.ts'
import { parseContentRange } from './content-range.ts'
import type { HttpReply } from './http-transport.ts'

/** The head of a reply, as far as it says which bytes follow. */
export type ContentHead = Pick<HttpReply, 'asked' | 'status' | 'header'>

/** Which bytes follow. */
export interface ContentSpan {
  /** Where the body begins: at the offset that was asked for, or at 0 when the server ignores ranges. */
  readonly start: number
  /** Size of the whole content; undefined when the reply doesn't say it. */
  readonly sizeBytes: number | undefined
}

/**
 * Reads which bytes the body of a 200 or 206 holds, for content that was asked for from `offset` to its end.
 * Throws ERR_UPSTREAM_PROTOCOL when they are others, or encoded in a way that was not asked for.
 */
export function spanOfContent(head: ContentHead, offset: number): ContentSpan {
  requireIdentity(head)
  if (head.status === 200) return { start: 0, sizeBytes: parseByteCount(head.header('content-length')) }
  const range = parseContentRange(head.header('content-range'))
  if (range?.start !== offset)
    throw new UpstreamProtocolError(`${head.asked} was answered with another range`)
  return { start: offset, sizeBytes: range.sizeBytes }
}

// Sizes and ranges of a compressed blob are those of bytes that nobody else has: it can't be resumed, nor told how much of it
// is missing. Small bodies are another matter; see decodeBody.
function requireIdentity(head: Pick<ContentHead, 'asked' | 'header'>): void {
  if (isIdentity(head)) return
  throw new UpstreamProtocolError(`${head.asked} was answered in an encoding that was not asked for`)
}

/**
 * The size of the whole content, from the reply to a HEAD or to a GET of its first byte: a 200, a 206, or the 416 that
 * says how empty it is. Undefined when the reply doesn't say it.
 */
export function sizeOfContent(head: ContentHead): number | undefined {
  if (head.status !== 200) return parseContentRange(head.header('content-range'))?.sizeBytes
  return isIdentity(head) ? parseByteCount(head.header('content-length')) : undefined
}

/** Whether a body is as it is stored, and not compressed on the way. */
export function isIdentity({ header }: Pick<ContentHead, 'header'>): boolean {
  return ['', 'identity'].includes(header('content-encoding')?.trim().toLowerCase() ?? '')
}
