import {
  type LayermeshError,
  UpstreamDeniedError,
  UpstreamNotFoundError,
  UpstreamProtocolError,
  UpstreamRateLimitedError,
  UpstreamUnreachableError,
} from '@layermesh/interface'
import { HttpStatusError } from './http-status-error.ts'
import { parseRetryAfterMs } from './retry-after.ts'

/** A reply whose status is not the one that was hoped for. */
export interface StatusFacts {
  readonly status: number
  readonly retryAfter: string | undefined
  /** What was asked of whom, for the message; without query strings. */
  readonly asked: string
  /** Unix time in milliseconds. */
  readonly nowMs: number
}

/** Turns an unwelcome status into the error that callers branch on; the status is its cause. */
export function classifyStatus({ status, retryAfter, asked, nowMs }: StatusFacts): LayermeshError {
  const message = `${asked} was answered with ${status}`
  const retryAfterMs = parseRetryAfterMs(retryAfter, nowMs)
  const options = { cause: new HttpStatusError(status, retryAfterMs) }
  if (status === 404) return new UpstreamNotFoundError(message, options)
  if (status === 401 || status === 403) return new UpstreamDeniedError(message, options)
  if (status === 429) {
    return new UpstreamRateLimitedError(message, retryAfterMs, options)
  }
  if (status === 408 || status >= 500) return new UpstreamUnreachableError(message, options)
  return new UpstreamProtocolError(message, options)
}
