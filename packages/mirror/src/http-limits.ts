/** What one client may take of a listener; times in milliseconds. */
export interface HttpLimits {
  /** How long the head of a request may take to come. */
  readonly headTimeoutMs: number
  /** How long a request may take to come, with a body that nobody reads. */
  readonly requestTimeoutMs: number
  /** How long a connection is kept between two requests. */
  readonly idleTimeoutMs: number
  /** How long a client may take no byte of a reply. */
  readonly stallTimeoutMs: number
  /** How long a TLS handshake may take. */
  readonly handshakeTimeoutMs: number
  /** How often the time-outs of requests are looked at. */
  readonly checkEveryMs: number
  /** The longest head of a request, its target included, in bytes. */
  readonly maxHeadBytes: number
  /** Open connections; idle ones give up their places, else a further one is closed at once, and its client asks elsewhere. */
  readonly maxConnections: number
}

/** What runtimes never come near. */
export const DEFAULT_HTTP_LIMITS: HttpLimits = {
  headTimeoutMs: 20_000,
  requestTimeoutMs: 60_000,
  // Go's clients keep idle connections for up to 120 s (BuildKit). Were ours shorter, a request could meet a
  // connection that is being closed, and the client would report a reset.
  idleTimeoutMs: 150_000,
  // A runtime that unpacks to a slow disk takes nothing for a while.
  stallTimeoutMs: 300_000,
  handshakeTimeoutMs: 10_000,
  checkEveryMs: 5_000,
  maxHeadBytes: 16 * 1024,
  maxConnections: 4096,
}
