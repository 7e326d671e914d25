/** The longest time that is believed, in milliseconds: longer than any quota's window is a mistake. */
export const MAX_RETRY_AFTER_MS = 24 * 3_600_000

const DELAY_SECONDS = /^\d{1,9}$/
/** The three forms of an HTTP-date begin with the name of the day (RFC 9110 §5.6.7). */
const HTTP_DATE = /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)/

/**
 * Reads a `Retry-After` (RFC 9110 §10.2.3): seconds or a date. Returns milliseconds from `nowMs` (Unix time), at most
 * {@link MAX_RETRY_AFTER_MS}, 0 for a date that is over, undefined when the header is missing or malformed.
 */
export function parseRetryAfterMs(header: string | undefined, nowMs: number): number | undefined {
  if (header === undefined) return undefined
  if (DELAY_SECONDS.test(header)) return Math.min(Number(header) * 1000, MAX_RETRY_AFTER_MS)
  const dateMs = HTTP_DATE.test(header) ? Date.parse(header) : Number.NaN
  return Number.isNaN(dateMs) ? undefined : Math.min(Math.max(0, dateMs - nowMs), MAX_RETRY_AFTER_MS)
}
