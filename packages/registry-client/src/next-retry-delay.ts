import { UpstreamRateLimitedError, UpstreamUnreachableError } from '@layermesh/interface'
import { HttpStatusError } from './http-status-error.ts'
import { codeOf } from './network-failure.ts'

/** How often a request is repeated at the same endpoint, at most. */
export const MAX_RETRIES = 2
/** The longest pause before the first repetition; it doubles for each further one. */
export const RETRY_PAUSE_MS = 250

/** The longest `Retry-After` that is waited for, in milliseconds: a runtime waits for us, too. */
export const MAX_WAIT_FOR_SERVER_MS = 2_000

/** The connection broke: most often an idle one that the server closed just when we used it. */
const BROKEN_CONNECTION = new Set(['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET'])

/** What the decision rests on. */
export interface FailedAttempt {
  /** How many attempts have failed: 1 after the first. */
  readonly attempt: number
  readonly error: unknown
  /** Yields a number of [0, 1), so that many clients don't come back at the same moment. */
  readonly random: () => number
}

/**
 * How long to wait before an idempotent request that got no byte of a body is repeated; undefined when it is not to be.
 * Only what passes by itself is repeated: broken connections, 5xx, and what the server itself says will have passed
 * soon. A time-out has already cost its time. Waits for anything up to a limit that doubles, so that many clients
 * that failed together don't come back together.
 */
export function nextRetryDelay({ attempt, error, random }: FailedAttempt): number | undefined {
  if (attempt > MAX_RETRIES || !isTransient(error)) return undefined
  const pauseMs = RETRY_PAUSE_MS * 2 ** (attempt - 1) * random()
  const wantedMs = retryAfterOf(error) ?? 0
  return wantedMs > MAX_WAIT_FOR_SERVER_MS ? undefined : wantedMs + pauseMs
}

function isTransient(error: unknown): boolean {
  if (error instanceof UpstreamRateLimitedError) return error.retryAfterMs !== undefined
  if (!(error instanceof UpstreamUnreachableError)) return false
  const { cause } = error
  if (cause instanceof HttpStatusError) return cause.status >= 500
  return BROKEN_CONNECTION.has(codeOf(cause) ?? '')
}

function retryAfterOf(error: unknown): number | undefined {
  return error instanceof Error && error.cause instanceof HttpStatusError
    ? error.cause.retryAfterMs
    : undefined
}
