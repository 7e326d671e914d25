import {
  BlobNotFoundError,
  ContentUnavailableError,
  LayermeshError,
  PeerBusyError,
  PeerMissingError,
  UpstreamDeniedError,
  UpstreamNotFoundError,
  UpstreamRateLimitedError,
  UpstreamUnreachableError,
} from '@layermesh/interface'
import { z } from 'zod'

/**
 * Why a server sends nothing (more).
 * - `missing`: it doesn't have the content, and wasn't asked to get it.
 * - `busy`: it serves as many transfers as it can.
 * - `not-found`: upstream says that there is no such content.
 * - `denied`: upstream doesn't give it to this server, whose rights may differ from the client's.
 * - `rate-limited`: upstream wants no requests at the moment.
 * - `uplink`: the server can't reach upstream.
 * - `unavailable`: anything else.
 */
const REFUSAL_REASONS = [
  'missing',
  'busy',
  'not-found',
  'denied',
  'rate-limited',
  'uplink',
  'unavailable',
] as const

/** One of the reasons for a refusal. */
export type RefusalReason = (typeof REFUSAL_REASONS)[number]

const MAX_REFUSAL_CHARACTERS = 512

/** What a refusal says beside its reason. */
export interface RefusalDetails {
  readonly message: string
  /** When upstream wants to be asked again, in milliseconds from now. */
  readonly retryAfterMs?: number | undefined
}

/** The fields of a frame that refuses. */
export const refusalSchema = z.object({
  // A reason that a later version adds is still a refusal.
  reason: z.enum(REFUSAL_REASONS).catch('unavailable'),
  message: z.string().max(MAX_REFUSAL_CHARACTERS),
  retryAfterMs: z.int().nonnegative().optional(),
})

/** A refusal, as it is put into a frame. */
export function refusalBody(reason: RefusalReason, { message, retryAfterMs }: RefusalDetails) {
  return {
    reason,
    message: message.slice(0, MAX_REFUSAL_CHARACTERS),
    retryAfterMs: retryAfterMs === undefined ? undefined : Math.max(0, Math.ceil(retryAfterMs)),
  }
}

/** What a server says of an error that ends its work for a peer: nothing of one that wasn't meant for others. */
export function describeRefusal(error: unknown): RefusalDetails & { readonly reason: RefusalReason } {
  return {
    reason: reasonOf(error),
    message: error instanceof LayermeshError ? error.message : 'internal error',
    retryAfterMs: error instanceof UpstreamRateLimitedError ? error.retryAfterMs : undefined,
  }
}

/** The error that a refusal is for the one who hears it. */
export function errorOf({ reason, message, retryAfterMs }: z.infer<typeof refusalSchema>): LayermeshError {
  switch (reason) {
    case 'busy':
      return new PeerBusyError('the peer is full')
    case 'missing':
      return new PeerMissingError('the peer has it not')
    case 'not-found':
      return new UpstreamNotFoundError(`a peer asked upstream: ${message}`)
    case 'rate-limited':
      return new UpstreamRateLimitedError(`a peer asked upstream: ${message}`, retryAfterMs)
    default:
      return new PeerMissingError(`the peer can't get it (${reason}): ${message}`)
  }
}

function reasonOf(error: unknown): RefusalReason {
  if (error instanceof BlobNotFoundError) return 'missing'
  if (error instanceof PeerBusyError) return 'busy'
  if (error instanceof UpstreamNotFoundError) return 'not-found'
  if (error instanceof UpstreamDeniedError) return 'denied'
  if (error instanceof UpstreamRateLimitedError) return 'rate-limited'
  const cause = error instanceof ContentUnavailableError ? error.cause : error
  return cause instanceof UpstreamUnreachableError ? 'uplink' : 'unavailable'
}
