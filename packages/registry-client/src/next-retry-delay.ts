import { UpstreamUnreachableError } from '@layermesh/interface'
import { HttpStatusError } from './http-status-error.ts'
import { codeOf } from './network-failure.ts'

/** How often a request is repeated at the same endpoint, at most. */
export const MAX_RETRIES = 2
/** The longest pause before the first repetition; it doubles for each further one. */
export const RETRY_PAUSE_MS = 250

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
 * Only what passes by itself is repeated: broken connections and 5xx. A time-out has already cost its time.
 */
export function nextRetryDelay({ attempt, error, random }: FailedAttempt): number | undefined {
  if (attempt > MAX_RETRIES || !isTransient(error)) return undefined
  return RETRY_PAUSE_MS * 2 ** (attempt - 1) * (0.5 + random() / 2)
}

function isTransient(error: unknown): boolean {
  if (!(error instanceof UpstreamUnreachableError)) return false
  const { cause } = error
  if (cause instanceof HttpStatusError) return cause.status >= 500
  return BROKEN_CONNECTION.has(codeOf(cause) ?? '')
}
