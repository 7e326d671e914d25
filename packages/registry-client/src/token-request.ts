import { UpstreamProtocolError } from '@layermesh/interface'
import type { BearerChallenge } from '@layermesh/oci'
import { basicAuthorization, type Credential, type Secret } from './credential.ts'
import { mayShowLogin, type RealmOwner } from './trusted-realm.ts'

/** Who asks, as token servers want to know (distribution, "OAuth2 Token Authentication"). */
const CLIENT_ID = 'layermesh'

/** A challenge, and the request that met it. */
export interface MetChallenge {
  readonly challenge: BearerChallenge
  readonly url: URL
}

/** Whose tokens are asked for. */
export interface TokenOwner extends RealmOwner {
  /** Image host, for messages. */
  readonly upstream: string
}

/** What is to be asked of a token server. */
export interface TokenRequest {
  readonly method: 'GET' | 'POST'
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
}

/**
 * The ways to ask for a token, best first; the next is for servers that don't know the one before. By GET, which is
 * Docker's own way, unless there is nothing but an identity token, which only OAuth2 knows. Throws ERR_UPSTREAM_PROTOCOL
 * for a realm that mustn't be asked, or mustn't see the login.
 */
export function tokenRequests(
  met: MetChallenge,
  scope: string,
  credential: Credential | undefined,
  owner: TokenOwner,
): readonly TokenRequest[] {
  const { upstream } = owner
  const realm = realmOf(met, upstream)
  const scopes = scopesOf(met.challenge.scope ?? scope)
  const { service } = met.challenge
  const post = (secret: Secret) => postRequest(realm, { service, scopes, secret })
  if (credential?.secret === undefined) return [getRequest(realm, { service, scopes })]
  if (!mayShowLogin(realm, owner)) {
    throw new UpstreamProtocolError(
      `${upstream}: the login is not shown to ${realm.hostname}, which is of another domain than ${owner.endpoint.hostname}; name it in upstreams[].credentials.realms if it may see it`,
    )
  }
  const authorization = basicAuthorization(credential)
  if (authorization === undefined) return [post(credential.secret)]
  return [getRequest(realm, { service, scopes, authorization }), post(credential.secret)]
}

/**
 * Where tokens are to be had. A realm may be relative to the request that was challenged. It is asked by https only, or on
 * the registry's own host when the registry is without encryption, too: who listens there could hand out what they
 * like, and would be told the login.
 */
function realmOf({ challenge, url: challenged }: MetChallenge, upstream: string): URL {
  const url = URL.parse(challenge.realm, challenged.href)
  if (url === null || !['http:', 'https:'].includes(url.protocol)) {
    throw new UpstreamProtocolError(`${upstream}: the realm of tokens is no URL`)
  }
  if (url.username !== '' || url.password !== '') {
    throw new UpstreamProtocolError(`${upstream}: the realm of tokens brings a login along`)
  }
  if (
    url.protocol === 'http:' &&
    (challenged.protocol === 'https:' || url.hostname !== challenged.hostname)
  ) {
    throw new UpstreamProtocolError(
      `${upstream}: the realm of tokens is http on another host, or the registry https`,
    )
  }
  return url
}

interface TokenFacts {
  readonly service: string | undefined
  readonly scopes: readonly string[]
}

function getRequest(realm: URL, facts: TokenFacts & { readonly authorization?: string }): TokenRequest {
  const { service, scopes, authorization } = facts
  // A realm may have a query of its own, which is kept.
  const url = new URL(realm)
  if (service !== undefined) url.searchParams.append('service', service)
  for (const scope of scopes) url.searchParams.append('scope', scope)
  return { method: 'GET', url, headers: authorization === undefined ? {} : { authorization } }
}

function postRequest(
  realm: URL,
  { service, scopes, secret }: TokenFacts & { readonly secret: Secret },
): TokenRequest {
  const grant: Readonly<Record<string, string>> =
    'password' in secret
      ? { grant_type: 'password', username: secret.username, password: secret.password }
      : { grant_type: 'refresh_token', refresh_token: secret.identityToken }
  const form = new URLSearchParams({ ...grant, client_id: CLIENT_ID, scope: scopes.join(' ') })
  if (service !== undefined) form.append('service', service)
  return {
    method: 'POST',
    url: realm,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: String(form),
  }
}

/** One by one, sorted, each once. */
function scopesOf(text: string): readonly string[] {
  return [...new Set(text.split(' ').toSorted())].filter((scope) => scope !== '')
}
