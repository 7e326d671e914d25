import { constants, gzipSync } from 'node:zlib'
import type { Clock } from '@layermesh/interface'
import type { OriginRequest } from './origin-request.ts'
import { errorReply, type Reply, type ReplyHeaders } from './reply.ts'

/** Which requests a fault is for: those that are equal in every field that is given. */
export type FaultMatch = Partial<
  Pick<OriginRequest, 'server' | 'method' | 'kind' | 'repository' | 'reference'>
>

/** What a reply's `Content-Length` says when its body isn't the whole content. */
export type LengthClaim =
  /** The length of the content as it should have been: the connection ends too early, or bytes come after the end. */
  | 'whole'
  /** The length of what is sent: a complete reply of the wrong size. */
  | 'sent'
  /** Nothing: the body is chunked, and its end is where the sender says. */
  | 'none'

/** What goes wrong. Plain data, so that it can be scripted from another process. */
export type FaultAction =
  /** Answers with this status and nothing of the content. @default body an OCI error */
  | {
      readonly type: 'status'
      readonly status: number
      readonly headers?: ReplyHeaders
      readonly body?: string
    }
  /** Says nothing until the fault is released, then answers as if nothing had been. */
  | { readonly type: 'hang' }
  /** Sends so much of the body, then nothing until the fault is released, then the rest. */
  | { readonly type: 'stall'; readonly afterBytes: number }
  /** Sends so many bytes of the body at a time, and waits so long before each: never silent for long, never done. */
  | { readonly type: 'drip'; readonly bytes: number; readonly everyMs: number }
  /** Closes the connection after so much of the body or, without `afterBytes`, before the status line. */
  | { readonly type: 'cut'; readonly afterBytes?: number }
  /** Flips the bits of one byte of the body. */
  | { readonly type: 'corrupt'; readonly offset: number }
  /** Ends the body, without an error, after so many bytes. */
  | { readonly type: 'truncate'; readonly toBytes: number; readonly contentLength: LengthClaim }
  /** Sends so many bytes more than there are. */
  | { readonly type: 'extend'; readonly byBytes: number; readonly contentLength: LengthClaim }
  /** Leaves headers out; without `content-length` the body is chunked. Names in lower case. */
  | { readonly type: 'omitHeaders'; readonly names: readonly string[] }
  /** Adds or replaces headers, such as a wrong `content-type` or `docker-content-digest`. Names in lower case. */
  | { readonly type: 'setHeaders'; readonly headers: ReplyHeaders }
  /** Answers as if no `Range` had been asked for: 200 and everything. */
  | { readonly type: 'ignoreRange' }
  /** Compresses the body and says so in `Content-Encoding`, whether or not the client asked for it. */
  | { readonly type: 'gzip' }
  /** Sends the client elsewhere. @default status 307 */
  | { readonly type: 'redirect'; readonly location: string; readonly status?: number }

/** A fault as a test writes it down. */
export interface Fault {
  readonly match: FaultMatch
  readonly action: FaultAction
  /** How many requests it befalls. @default all */
  readonly times?: number
}

/** Whether a request is one that the fault is for. */
export function matchesFault(match: FaultMatch, request: OriginRequest): boolean {
  return Object.entries(match).every(([field, value]) => request[field as keyof FaultMatch] === value)
}

/** Options of {@link applyFault}. */
export interface ApplyFaultOptions {
  /** What an honest registry answers. */
  readonly answer: (request: OriginRequest) => Reply
  /** What a drip keeps time by. */
  readonly clock: Clock
  /** Resolves when the fault no longer holds replies back. */
  readonly released: Promise<void>
}

/** The reply that a request gets when `action` befalls it. */
export function applyFault(action: FaultAction, request: OriginRequest, options: ApplyFaultOptions): Reply {
  switch (action.type) {
    case 'status':
      return statusReply(action)
    case 'redirect':
      return statusReply({ status: action.status ?? 307, headers: { location: action.location }, body: '' })
    case 'ignoreRange':
      return options.answer({ ...request, headers: { ...request.headers, range: undefined } })
    case 'drip': {
      const pause = async (closed: Promise<void>) => {
        const { promise, resolve } = Promise.withResolvers<undefined>()
        const cancel = options.clock.setTimer(action.everyMs, () => resolve(undefined))
        await Promise.race([promise, closed])
        cancel()
      }
      return { ...options.answer(request), disruption: { type: 'drip', bytes: action.bytes, pause } }
    }
    default:
      return spoil(options.answer(request), action, options.released)
  }
}

type SpoilingAction = Exclude<FaultAction, { readonly type: 'status' | 'redirect' | 'ignoreRange' | 'drip' }>

function spoil(reply: Reply, action: SpoilingAction, released: Promise<void>): Reply {
  switch (action.type) {
    case 'hang':
      return { ...reply, disruption: { type: 'pause', until: released } }
    case 'stall':
      return { ...reply, disruption: { type: 'pause', afterBytes: action.afterBytes, until: released } }
    case 'cut':
      return { ...reply, disruption: action }
    case 'corrupt':
      return { ...reply, body: flipByte(reply.body, action.offset) }
    case 'truncate':
      return resize(reply, reply.body.subarray(0, action.toBytes), action.contentLength)
    case 'extend':
      return resize(reply, Buffer.concat([reply.body, Buffer.alloc(action.byBytes)]), action.contentLength)
    case 'omitHeaders':
      return { ...reply, headers: without(reply.headers, action.names) }
    case 'setHeaders':
      return { ...reply, headers: { ...reply.headers, ...action.headers } }
    case 'gzip': {
      const body = gzipSync(reply.body, { level: constants.Z_BEST_SPEED })
      const headers = { 'content-encoding': 'gzip', 'content-length': String(body.length) }
      return { ...reply, headers: { ...reply.headers, ...headers }, body }
    }
  }
}

function statusReply({ status, headers = {}, body }: Omit<FaultAction & { type: 'status' }, 'type'>): Reply {
  if (body === undefined) return errorReply(status, 'UNKNOWN', 'scripted fault', headers)
  return {
    status,
    headers: { 'content-length': String(Buffer.byteLength(body)), ...headers },
    body: Buffer.from(body),
  }
}

function flipByte(body: Uint8Array, offset: number): Uint8Array {
  const flipped = Uint8Array.from(body)
  const byte = flipped[offset]
  if (byte !== undefined) flipped[offset] = byte ^ 0xff
  return flipped
}

function resize(reply: Reply, body: Uint8Array, claim: LengthClaim): Reply {
  switch (claim) {
    case 'whole':
      // Nobody can find the next reply on a connection where lengths are wrong.
      return { ...reply, body, headers: { ...reply.headers, connection: 'close' } }
    case 'sent':
      return { ...reply, body, headers: { ...reply.headers, 'content-length': String(body.length) } }
    case 'none':
      return { ...reply, body, headers: without(reply.headers, ['content-length']) }
  }
}

function without(headers: Reply['headers'], names: readonly string[]): Reply['headers'] {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !names.includes(name)))
}
