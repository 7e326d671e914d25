import { UpstreamProtocolError } from '@layermesh/interface'
import type { BearerChallenge } from '@layermesh/oci'

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

/**
 * Where to ask for a token for `scope`. A realm may be relative to the request that was challenged and may have a
 * query of its own, which is kept. Throws ERR_UPSTREAM_PROTOCOL for a realm that is no URL, and for one without
 * encryption that a registry with encryption names: whoever listens there could hand out what they like.
 */
export function tokenUrl(
  challenge: BearerChallenge,
  scope: string,
  challengedUrl: URL,
  upstream: string,
): URL {
  const url = URL.parse(challenge.realm, challengedUrl.href)
  if (url === null || !['http:', 'https:'].includes(url.protocol)) {
    throw new UpstreamProtocolError(`${upstream}: the realm of tokens is no URL`)
  }
  if (challengedUrl.protocol === 'https:' && url.protocol === 'http:') {
    throw new UpstreamProtocolError(`${upstream}: the realm of tokens is http, the registry https`)
  }
  if (challenge.service !== undefined) url.searchParams.append('service', challenge.service)
  for (const part of new Set((challenge.scope ?? scope).split(' ').toSorted())) {
    if (part !== '') url.searchParams.append('scope', part)
  }
  return url
}

/** Reads what a token server sent (Docker "token", OAuth2). Throws ERR_UPSTREAM_PROTOCOL when there is no token in it. */
export function parseTokenReply(body: Uint8Array, upstream: string): BearerToken {
  const reply = parseJsonObject(body)
  const value = [reply['token'], reply['access_token']].find(
    (candidate) => typeof candidate === 'string' && TOKEN.test(candidate),
  )
  if (typeof value !== 'string')
    throw new UpstreamProtocolError(`${upstream}: the token server gave no token`)
  const seconds = reply['expires_in']
  const lifetimeSeconds =
    typeof seconds === 'number' && seconds > MIN_LIFETIME_SECONDS ? seconds : MIN_LIFETIME_SECONDS
  return { value, usableMs: lifetimeSeconds * USED_LIFETIME_PART * 1000 }
}

function parseJsonObject(body: Uint8Array): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(utf8.decode(body))
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}
