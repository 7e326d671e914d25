/** A status that is the cause of another error: kept as data, so that nobody has to read it out of a message. */
export class HttpStatusError extends Error {
  readonly status: number
  /** What the reply asked to wait before the next request, in milliseconds. */
  readonly retryAfterMs: number | undefined
  constructor(status: number, retryAfterMs?: number) {
    super(`HTTP status ${status}`)
    this.status = status
    this.retryAfterMs = retryAfterMs
  }
}
