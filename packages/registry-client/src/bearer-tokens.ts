import { SingleFlight } from '@layermesh/async'
import { type Clock, UpstreamProtocolError } from '@layermesh/interface'
import { type BearerToken, parseTokenReply } from './bearer-token.ts'
import type { Credential } from './credential.ts'
import type { HttpReply, HttpTransport, ShownCertificate } from './http-transport.ts'
import { readWhole } from './read-whole.ts'
import { followRedirects } from './redirects.ts'
import { refusalOf } from './refusal.ts'
import { type MetChallenge, type TokenOwner, type TokenRequest, tokenRequests } from './token-request.ts'

/** The longest reply of a token server that is read, in bytes. */
const MAX_TOKEN_REPLY_BYTES = 1024 * 1024

/** What tokens are obtained with. */
export interface BearerTokensDeps {
  readonly clock: Clock
  readonly transport: HttpTransport
}

interface CachedToken {
  readonly value: string
  readonly usableUntilMs: number
}

/** What a token is for, and whose it is. */
export interface TokenKey {
  readonly scope: string
  /** Undefined for a token that anybody gets. */
  readonly credential: Credential | undefined
}

/** How token servers answer that don't know a way of asking: 405 by the specification, the others in the wild. */
const UNKNOWN_METHOD_STATUSES = new Set([404, 405, 501])

/** The tokens of one endpoint, by the scope that they were wanted for and the login that they were given to. */
export class BearerTokens {
  readonly #deps: BearerTokensDeps
  readonly #owner: TokenOwner
  readonly #tokens = new Map<string, CachedToken>()
  readonly #flights = new SingleFlight<string, string>()

  constructor(deps: BearerTokensDeps, owner: TokenOwner) {
    this.#deps = deps
    this.#owner = owner
  }

  /** The token for `key`, if there is one that may still be used. */
  find(key: TokenKey): string | undefined {
    const token = this.#tokens.get(nameOf(key))
    return token !== undefined && this.#deps.clock.monotonicMs() < token.usableUntilMs
      ? token.value
      : undefined
  }

  /**
   * The token for `key`, asked for as the challenge says unless there is one. Callers that come at the same time
   * share one request. Throws ERR_UPSTREAM_DENIED, ERR_UPSTREAM_RATE_LIMITED, ERR_UPSTREAM_UNREACHABLE or
   * ERR_UPSTREAM_PROTOCOL as the token server answered, or the reason of the signal.
   */
  async get(
    key: TokenKey,
    met: MetChallenge,
    options: { readonly signal: AbortSignal | undefined },
  ): Promise<string> {
    const known = this.find(key)
    if (known !== undefined) return known
    const { signal } = options
    return this.#flights.run(
      nameOf(key),
      () => this.#request(key, met),
      signal === undefined ? {} : { signal },
    )
  }

  /** Forgets a token that the registry refused, unless another has taken its place. */
  drop(key: TokenKey, value: string): void {
    const name = nameOf(key)
    if (this.#tokens.get(name)?.value === value) this.#tokens.delete(name)
  }

  async #request(key: TokenKey, met: MetChallenge): Promise<string> {
    const requests = tokenRequests(met, key.scope, key.credential, this.#owner)
    const certificate = key.credential?.certificate
    const reply = await this.#ask(requests.map((request) => ({ ...request, certificate })))
    // This 404 is about the token server; as ERR_UPSTREAM_NOT_FOUND it would say that the content is gone.
    if (reply.status === 404) {
      await reply.body.discard()
      throw new UpstreamProtocolError(`${reply.asked} was answered with 404`)
    }
    if (reply.status !== 200) throw await refusalOf(reply, this.#deps.clock)
    const body = await readWhole(reply, MAX_TOKEN_REPLY_BYTES)
    const token = parseTokenReply({ body, date: reply.header('date') }, this.#owner.upstream)
    this.#keep(nameOf(key), token)
    return token.value
  }

  async #ask([request, ...others]: readonly (TokenRequest & ShownCertificate)[]): Promise<HttpReply> {
    if (request === undefined) throw new TypeError('there is no way to ask for a token')
    const reply = await followRedirects(this.#deps.transport, {
      ...request,
      upstream: this.#owner.upstream,
      endpoint: this.#owner.endpoint,
      kind: 'token',
      headers: { ...request.headers, accept: 'application/json' },
      // Others may wait for the same token; connection and stall time-outs bound the request.
      signal: undefined,
    })
    if (others.length === 0 || !UNKNOWN_METHOD_STATUSES.has(reply.status)) return reply
    await reply.body.discard()
    return this.#ask(others)
  }

  // Expired tokens go when one is added, which bounds their number by the repositories in use.
  #keep(name: string, { value, usableMs }: BearerToken): void {
    const nowMs = this.#deps.clock.monotonicMs()
    for (const [other, token] of this.#tokens) {
      if (token.usableUntilMs <= nowMs) this.#tokens.delete(other)
    }
    this.#tokens.set(name, { value, usableUntilMs: nowMs + usableMs })
  }
}

// A token that was given to a login that has been taken away since must not be found.
function nameOf({ scope, credential }: TokenKey): string {
  return `${credential?.id ?? ''} ${scope}`
}
