import type { Digest } from './digest.ts'

/** Every code that layermesh's errors carry; the meaning of each is in docs/errors.md. Codes are never reused. */
export const ERROR_CODES = [
  'ERR_BLOB_CORRUPT',
  'ERR_BLOB_DAMAGED',
  'ERR_BLOB_NOT_FOUND',
  'ERR_CONFIG_INVALID',
  'ERR_CONTENT_UNAVAILABLE',
  'ERR_DATA_DIR',
  'ERR_DIGEST_INVALID',
  'ERR_FILL_ENDED',
  'ERR_FILL_WRITE',
  'ERR_LISTEN',
  'ERR_MANIFEST_INVALID',
  'ERR_NAME_INVALID',
  'ERR_NOT_KEPT',
  'ERR_PEER_BUSY',
  'ERR_PEER_MISSING',
  'ERR_PEER_PROTOCOL',
  'ERR_PEER_SLOW',
  'ERR_PEER_STALLED',
  'ERR_PEER_STREAM',
  'ERR_PEER_UNREACHABLE',
  'ERR_RANGE_UNSATISFIABLE',
  'ERR_ROUTE_INVALID',
  'ERR_STORE_FULL',
  'ERR_TAG_INVALID',
  'ERR_UPSTREAM_CREDENTIALS',
  'ERR_UPSTREAM_DENIED',
  'ERR_UPSTREAM_NOT_FOUND',
  'ERR_UPSTREAM_PROTOCOL',
  'ERR_UPSTREAM_RATE_LIMITED',
  'ERR_UPSTREAM_STALLED',
  'ERR_UPSTREAM_TRUNCATED',
  'ERR_UPSTREAM_UNKNOWN',
  'ERR_UPSTREAM_UNREACHABLE',
] as const

/** A stable error code. */
export type ErrorCode = (typeof ERROR_CODES)[number]

/** The root of all errors that layermesh throws on purpose; branch on `code`, never on the message. */
export abstract class LayermeshError extends Error {
  abstract readonly code: ErrorCode
  /** Whether the same request may succeed if it is repeated, here or at another source. */
  readonly retryable: boolean = false
  /** Whether the peer that we got this from did wrong and is to be avoided. */
  readonly blamesPeer: boolean = false

  override get name(): string {
    return this.constructor.name
  }
}

/** The bytes don't have the digest that they were asked for by. */
export class BlobCorruptError extends LayermeshError {
  override readonly code = 'ERR_BLOB_CORRUPT'
  override readonly blamesPeer = true
  override readonly retryable = true
  constructor(digest: Digest, actual: string, options?: ErrorOptions) {
    super(`bytes of ${digest} have the digest ${actual}`, options)
  }
}

/** A finished blob's file is no longer what was verified. The store holds it no longer; it can be fetched again. */
export class BlobDamagedError extends LayermeshError {
  override readonly code = 'ERR_BLOB_DAMAGED'
  override readonly retryable = true
  constructor(digest: Digest, what: string, options?: ErrorOptions) {
    super(`the stored bytes of ${digest} are damaged: ${what}`, options)
  }
}

/** This node doesn't hold the blob. */
export class BlobNotFoundError extends LayermeshError {
  override readonly code = 'ERR_BLOB_NOT_FOUND'
  constructor(digest: Digest, options?: ErrorOptions) {
    super(`blob ${digest} is not held here`, options)
  }
}

/** A setting is unknown or has a value that isn't allowed; the message is one line that names key, value and what is allowed. */
export class ConfigInvalidError extends LayermeshError {
  override readonly code = 'ERR_CONFIG_INVALID'
}

/** No source could give the content; `cause` is what the last one said. */
export class ContentUnavailableError extends LayermeshError {
  override readonly code = 'ERR_CONTENT_UNAVAILABLE'
  override readonly retryable = true
}

/** The data folder can't be used: not writable, in use by another daemon, or of an unknown version. */
export class DataDirError extends LayermeshError {
  override readonly code = 'ERR_DATA_DIR'
}

/** A digest that isn't one of the grammar, or of an algorithm that we don't verify. */
export class DigestInvalidError extends LayermeshError {
  override readonly code = 'ERR_DIGEST_INVALID'
}

/** A fill was used after its end. */
export class FillEndedError extends LayermeshError {
  override readonly code = 'ERR_FILL_ENDED'
  constructor(digest: Digest, options?: ErrorOptions) {
    super(`the fill of ${digest} has ended`, options)
  }
}

/** The disk refused a fill: full, read-only or failing; `cause` has the system's code. */
export class FillWriteError extends LayermeshError {
  override readonly code = 'ERR_FILL_WRITE'
}

/** There is no room for a blob: the budget or the disk is full, and nothing may be evicted. It can be passed on without being kept. */
export class StoreFullError extends LayermeshError {
  override readonly code = 'ERR_STORE_FULL'
  override readonly retryable = true
}

/** An address can't be listened on. */
export class ListenError extends LayermeshError {
  override readonly code = 'ERR_LISTEN'
}

/** Bytes that are no manifest that we may serve. */
export class ManifestInvalidError extends LayermeshError {
  override readonly code = 'ERR_MANIFEST_INVALID'
}

/** A repository name outside the grammar of the distribution-spec. */
export class NameInvalidError extends LayermeshError {
  override readonly code = 'ERR_NAME_INVALID'
}

/** A rule says that some content is not to be kept. It can be passed on. */
export class NotKeptError extends LayermeshError {
  override readonly code = 'ERR_NOT_KEPT'
  constructor(digest: Digest, options?: ErrorOptions) {
    super(`cache.rules say that ${digest} is not to be kept`, options)
  }
}

/** A peer is full; ask another, or the same one later. */
export class PeerBusyError extends LayermeshError {
  override readonly code = 'ERR_PEER_BUSY'
  override readonly retryable = true
}

/** A peer doesn't hold what its announcement said, or can't get it as a lead. */
export class PeerMissingError extends LayermeshError {
  override readonly code = 'ERR_PEER_MISSING'
  override readonly retryable = true
}

/** A peer broke the protocol: wrong frame, wrong bytes, wrong version. */
export class PeerProtocolError extends LayermeshError {
  override readonly code = 'ERR_PEER_PROTOCOL'
  override readonly retryable = true
  override readonly blamesPeer = true
}

/** A peer sends so slowly that another one was asked instead. */
export class PeerSlowError extends LayermeshError {
  override readonly code = 'ERR_PEER_SLOW'
  override readonly retryable = true
}

/** A peer made no progress in time. */
export class PeerStalledError extends LayermeshError {
  override readonly code = 'ERR_PEER_STALLED'
  override readonly retryable = true
}

/** A stream to a peer ended or was reset before the transfer was complete. */
export class PeerStreamError extends LayermeshError {
  override readonly code = 'ERR_PEER_STREAM'
  override readonly retryable = true
}

/** A peer can't be reached, or isn't a member. */
export class PeerUnreachableError extends LayermeshError {
  override readonly code = 'ERR_PEER_UNREACHABLE'
  override readonly retryable = true
}

/** A range that doesn't lie inside the blob (RFC 9110 §15.5.17). */
export class RangeUnsatisfiableError extends LayermeshError {
  override readonly code = 'ERR_RANGE_UNSATISFIABLE'
  readonly sizeBytes: number
  constructor(sizeBytes: number, options?: ErrorOptions) {
    super(`the range is not inside the ${String(sizeBytes)} bytes of the blob`, options)
    this.sizeBytes = sizeBytes
  }
}

/** A request whose parts contradict each other, such as a path prefix and another `ns`. */
export class RouteInvalidError extends LayermeshError {
  override readonly code = 'ERR_ROUTE_INVALID'
}

/** A tag outside the grammar of the distribution-spec. */
export class TagInvalidError extends LayermeshError {
  override readonly code = 'ERR_TAG_INVALID'
}

/** The login for an upstream can't be had: its file or helper doesn't give one. The upstream is asked without. */
export class UpstreamCredentialsError extends LayermeshError {
  override readonly code = 'ERR_UPSTREAM_CREDENTIALS'
}

/** Upstream said 401 or 403. */
export class UpstreamDeniedError extends LayermeshError {
  override readonly code = 'ERR_UPSTREAM_DENIED'
}

/** Upstream said 404. */
export class UpstreamNotFoundError extends LayermeshError {
  override readonly code = 'ERR_UPSTREAM_NOT_FOUND'
}

/** Upstream's answer makes no sense: no size, a bad digest, an unknown type, too many redirects. */
export class UpstreamProtocolError extends LayermeshError {
  override readonly code = 'ERR_UPSTREAM_PROTOCOL'
  override readonly retryable = true
}

/** Upstream said 429; `retryAfterMs` is its Retry-After, if it sent one. */
export class UpstreamRateLimitedError extends LayermeshError {
  override readonly code = 'ERR_UPSTREAM_RATE_LIMITED'
  override readonly retryable = true
  readonly retryAfterMs: number | undefined
  constructor(message: string, retryAfterMs: number | undefined, options?: ErrorOptions) {
    super(message, options)
    this.retryAfterMs = retryAfterMs
  }
}

/** Upstream stopped sending in the middle of a body. */
export class UpstreamStalledError extends LayermeshError {
  override readonly code = 'ERR_UPSTREAM_STALLED'
  override readonly retryable = true
}

/** Upstream's body ended before, or went on after, the size that it had named. */
export class UpstreamTruncatedError extends LayermeshError {
  override readonly code = 'ERR_UPSTREAM_TRUNCATED'
  override readonly retryable = true
}

/** The image host isn't one of the configured upstreams. */
export class UpstreamUnknownError extends LayermeshError {
  override readonly code = 'ERR_UPSTREAM_UNKNOWN'
}

/** Upstream can't be reached, timed out, or said 5xx. */
export class UpstreamUnreachableError extends LayermeshError {
  override readonly code = 'ERR_UPSTREAM_UNREACHABLE'
  override readonly retryable = true
}
