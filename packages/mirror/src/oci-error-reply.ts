import { STATUS_CODES, type ServerResponse } from 'node:http'
import {
  LayermeshError,
  RangeUnsatisfiableError,
  UpstreamNotFoundError,
  UpstreamProtocolError,
  UpstreamRateLimitedError,
  type ErrorCode,
} from '@layermesh/interface'
import { errorBody, unsatisfiedContentRange, type OciErrorCode } from '@layermesh/oci'
import { MISS, OWN_REPLY } from './cache-status.ts'
import { API_VERSION } from './content-headers.ts'
import { ExcessiveRangesError } from './excessive-ranges-error.ts'

/** The longest target of a request that is read. */
export const MAX_TARGET_CHARACTERS = 8192

/** An error as a client sees it: a status, and a code of the distribution-spec 1.1, "Error codes". */
export interface ErrorReply {
  readonly status: number
  readonly code: OciErrorCode
  readonly message: string
  /** @default {@link OWN_REPLY} */
  readonly cacheStatus?: string
  /** Names and values of the headers that come with this error alone. */
  readonly headers?: readonly string[]
}

/** To every method but GET and HEAD. Never to HEAD: containerd would send it again as a GET. */
export const WRITE_REFUSED: ErrorReply = {
  status: 405,
  code: 'UNSUPPORTED',
  message: 'this mirror is read-only',
  headers: ['Allow', 'GET, HEAD'],
}

/** To a path outside the part of the API that a mirror has. */
export const NO_SUCH_ENDPOINT: ErrorReply = {
  status: 404,
  code: 'UNSUPPORTED',
  message: 'this mirror has no such endpoint',
}

/** To a request whose target is longer than any name, digest and page token can be. */
export const TARGET_TOO_LONG: ErrorReply = {
  status: 414,
  code: 'NAME_INVALID',
  message: `the target of a request has at most ${MAX_TARGET_CHARACTERS} characters`,
}

/** To a request that names two hosts (RFC 9112 §3.2): what is in between may have believed the other. */
export const TWO_HOSTS: ErrorReply = {
  status: 400,
  code: 'UNSUPPORTED',
  message: 'the request has Host more than once',
}

/** To a request whose body is coded in another way than in chunks (RFC 9112 §6.1): where it ends, nobody could agree. */
export const CODING_UNKNOWN: ErrorReply = {
  status: 400,
  code: 'UNSUPPORTED',
  message: 'the transfer coding of the request is unknown',
}

/** To a request that this mirror has made itself, or would have to make again and again. */
export const LOOP: ErrorReply = {
  status: 404,
  code: 'UNSUPPORTED',
  message: 'the request has been here before: the mirrors of this registry name each other',
}

/** To a request for tags whose `n` is no number. */
export const PAGE_SIZE_INVALID: ErrorReply = {
  status: 400,
  code: 'PAGINATION_NUMBER_INVALID',
  message: 'n is no whole number',
}

const MANIFEST_UNAVAILABLE: ErrorReply = {
  status: 404,
  code: 'MANIFEST_UNKNOWN',
  message: 'this mirror has no such manifest',
  cacheStatus: MISS,
}

const BLOB_UNAVAILABLE: ErrorReply = {
  status: 404,
  code: 'BLOB_UNKNOWN',
  message: 'this mirror has no such blob',
  cacheStatus: MISS,
}

/**
 * To a request for a list that can't be had: a 404 would say that there are no tags or no signatures, and clients would
 * go on without.
 */
const LIST_UNAVAILABLE: ErrorReply = {
  status: 503,
  code: 'UNAVAILABLE',
  message: 'the registry can not be asked; ask it yourself',
  cacheStatus: MISS,
}

const ROUTE_ERRORS: Readonly<Partial<Record<ErrorCode, Pick<ErrorReply, 'status' | 'code'>>>> = {
  ERR_DIGEST_INVALID: { status: 400, code: 'DIGEST_INVALID' },
  ERR_NAME_INVALID: { status: 400, code: 'NAME_INVALID' },
  ERR_ROUTE_INVALID: { status: 400, code: 'NAME_INVALID' },
  ERR_TAG_INVALID: { status: 400, code: 'TAG_INVALID' },
  ERR_UPSTREAM_UNKNOWN: { status: 404, code: 'NAME_UNKNOWN' },
}

/** Statuses of requests that Node's parser refused, by its error code; 400 for all others. */
const PARSER_STATUSES: Readonly<Record<string, number>> = {
  ERR_HTTP_REQUEST_TIMEOUT: 408,
  HPE_HEADER_OVERFLOW: 431,
}

/** What to tell a client whose request is malformed, or names an upstream that we don't serve; it is told why. */
export function routeErrorReply(error: unknown): ErrorReply {
  const reply = error instanceof LayermeshError ? ROUTE_ERRORS[error.code] : undefined
  return reply === undefined ? NO_SUCH_ENDPOINT : { ...reply, message: (error as LayermeshError).message }
}

/**
 * What to tell a client that can't have its content. Whatever the cause on our side, a 404 is the one answer that
 * sends every client to its registry at once (5xx costs dockerd 50 s); the cause is for our log, not for the client.
 */
export function contentErrorReply(
  error: unknown,
  kind: 'manifest' | 'blob' | 'referrers',
  hideRateLimits: boolean,
): ErrorReply {
  if (error instanceof RangeUnsatisfiableError) {
    return {
      status: 416,
      code: 'RANGE_INVALID',
      message: error.message,
      headers: ['Content-Range', unsatisfiedContentRange(error.sizeBytes)],
    }
  }
  if (error instanceof ExcessiveRangesError)
    return { status: 400, code: 'RANGE_INVALID', message: error.message }
  if (error instanceof UpstreamRateLimitedError && !hideRateLimits) return tooManyRequests(error.retryAfterMs)
  if (kind === 'blob') return BLOB_UNAVAILABLE
  // A tag that stands for a list: that it isn't there is upstream's to say.
  return kind === 'manifest' || error instanceof UpstreamNotFoundError
    ? MANIFEST_UNAVAILABLE
    : LIST_UNAVAILABLE
}

/**
 * What to tell a client that can't have its list. Only upstream's own 404 is passed on: of referrers it says that the registry
 * doesn't know of such lists, and that they are to be looked for by tag.
 */
export function listErrorReply(error: unknown, kind: 'tags' | 'referrers'): ErrorReply {
  if (error instanceof UpstreamRateLimitedError) return tooManyRequests(error.retryAfterMs)
  if (error instanceof UpstreamNotFoundError) {
    return kind === 'tags'
      ? {
          status: 404,
          code: 'NAME_UNKNOWN',
          message: 'the registry has no such repository',
          cacheStatus: MISS,
        }
      : {
          status: 404,
          code: 'UNSUPPORTED',
          message: 'the registry has no lists of referrers',
          cacheStatus: MISS,
        }
  }
  return error instanceof UpstreamProtocolError ? { ...LIST_UNAVAILABLE, status: 502 } : LIST_UNAVAILABLE
}

/** Writes an error reply; Node leaves the body out when the request was a HEAD. */
export function sendErrorReply(response: ServerResponse, reply: ErrorReply): void {
  const body = errorBody(reply.code, reply.message)
  const cacheStatus = ['Cache-Status', reply.cacheStatus ?? OWN_REPLY]
  response.writeHead(reply.status, [
    ...API_VERSION,
    ...cacheStatus,
    ...bodyHeaders(body),
    ...(reply.headers ?? []),
  ])
  response.end(body)
}

/** The whole reply to bytes that are no HTTP/1.1 request; the connection is of no use after it. */
export function parserErrorReply(parserCode: string | undefined): string {
  const status = PARSER_STATUSES[parserCode ?? ''] ?? 400
  const body = errorBody('UNSUPPORTED', 'the request is not understood')
  const [type, json, length, bytes] = bodyHeaders(body)
  return `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${type}: ${json}\r\n${length}: ${bytes}\r\nConnection: close\r\n\r\n${body}`
}

function tooManyRequests(retryAfterMs: number | undefined): ErrorReply {
  const reply: ErrorReply = {
    status: 429,
    code: 'TOOMANYREQUESTS',
    message: 'the registry limits our requests',
    cacheStatus: MISS,
  }
  if (retryAfterMs === undefined) return reply
  return { ...reply, headers: ['Retry-After', String(Math.ceil(retryAfterMs / 1000))] }
}

function bodyHeaders(body: string): [string, string, string, string] {
  return ['Content-Type', 'application/json', 'Content-Length', String(Buffer.byteLength(body))]
}
