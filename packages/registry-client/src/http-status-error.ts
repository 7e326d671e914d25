/** A status that is the cause of another error: kept as data, so that nobody has to read it out of a message. */
export class HttpStatusError extends Error {
  readonly status: number
  constructor(status: number) {
    super(`HTTP status ${status}`)
    this.status = status
  }
}
