const DELAY_SECONDS = /^\d{1,9}$/
/** The three forms of an HTTP-date begin with the name of the day (RFC 9110 §5.6.7). */
const HTTP_DATE = /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)/

/**
 * Reads a `Retry-After` (RFC 9110 §10.2.3): seconds or a date. Returns milliseconds from `nowMs` (Unix time), 0 for a
 * date that is over, undefined when the header is missing or malformed.
 */
export function parseRetryAfterMs(header: string | undefined, nowMs: number): number | undefined {
  if (header === undefined) return undefined
  if (DELAY_SECONDS.test(header)) return Number(header) * 1000
  const dateMs = HTTP_DATE.test(header) ? Date.parse(header) : Number.NaN
  return Number.isNaN(dateMs) ? undefined : Math.max(0, dateMs - nowMs)
}
