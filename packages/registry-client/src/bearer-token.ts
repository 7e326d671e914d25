import { UpstreamProtocolError } from '@layermesh/interface'

/** The shortest life of a token, in seconds: what a server that names none, or less, is taken to mean (Docker "token"). */
const MIN_LIFETIME_SECONDS = 60
/** The part of its life after which a token is no longer used, so that none expires on its way. */
const USED_LIFETIME_PART = 0.9

/** What a token server gave. */
export interface BearerToken {
  readonly value: string
  /** For how long after it came it may be used, in milliseconds; a little less than the server allows. */
  readonly usableMs: number
}

/** Visible ASCII: what may stand in a header, and what every server sends. */
const TOKEN = /^[\x21-\x7e]+$/
const utf8 = new TextDecoder()

/** What a token server sent. */
export interface TokenReply {
  readonly body: Uint8Array
  /** Its `Date`: the time by its own clock. */
  readonly date: string | undefined
}

/**
 * Reads what a token server sent (Docker "token", OAuth2). Its life begins when it comes, by our clock; one that the server
 * has kept since `issued_at` is so much older, by the server's own clock alone, since ours may differ. Throws
 * ERR_UPSTREAM_PROTOCOL when there is no token in it.
 */
export function parseTokenReply({ body, date }: TokenReply, upstream: string): BearerToken {
  const reply = parseJsonObject(body)
  const value = [reply['token'], reply['access_token']].find(
    (candidate) => typeof candidate === 'string' && TOKEN.test(candidate),
  )
  if (typeof value !== 'string')
    throw new UpstreamProtocolError(`${upstream}: the token server gave no token`)
  const seconds = reply['expires_in']
  const lifetimeSeconds =
    typeof seconds === 'number' && seconds > MIN_LIFETIME_SECONDS ? seconds : MIN_LIFETIME_SECONDS
  const lifetimeMs = lifetimeSeconds * USED_LIFETIME_PART * 1000
  const ageMs = ageOf(reply['issued_at'], date)
  // Nobody hands out what has expired: a server that seems to says nonsense.
  return { value, usableMs: ageMs > 0 && ageMs < lifetimeMs ? lifetimeMs - ageMs : lifetimeMs }
}

/** In milliseconds; NaN when the server doesn't say it. */
function ageOf(issuedAt: unknown, date: string | undefined): number {
  return typeof issuedAt === 'string' ? Date.parse(date ?? '') - Date.parse(issuedAt) : Number.NaN
}

function parseJsonObject(body: Uint8Array): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(utf8.decode(body))
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}
