import { SingleFlight } from '@layermesh/async'
import { type Clock, UpstreamProtocolError } from '@layermesh/interface'
import type { BearerChallenge } from '@layermesh/oci'
import { parseTokenReply, tokenUrl } from './bearer-token.ts'
import type { HttpTransport } from './http-transport.ts'
import { readWhole } from './read-whole.ts'
import { followRedirects } from './redirects.ts'
import { refusalOf } from './refusal.ts'

/** The longest reply of a token server that is read, in bytes. */
const MAX_TOKEN_REPLY_BYTES = 1024 * 1024

/** What tokens are obtained with. */
export interface BearerTokensDeps {
  readonly clock: Clock
  readonly transport: HttpTransport
}

/** A challenge, and the request that met it. */
export interface MetChallenge {
  readonly challenge: BearerChallenge
  readonly url: URL
}

interface CachedToken {
  readonly value: string
  readonly usableUntilMs: number
}

/** The anonymous tokens of one endpoint, by the scope that they were wanted for. */
export class BearerTokens {
  readonly #deps: BearerTokensDeps
  readonly #upstream: string
  readonly #tokens = new Map<string, CachedToken>()
  readonly #flights = new SingleFlight<string, string>()

  constructor(deps: BearerTokensDeps, upstream: string) {
    this.#deps = deps
    this.#upstream = upstream
  }

  /** The token for `scope`, if there is one that may still be used. */
  find(scope: string): string | undefined {
    const token = this.#tokens.get(scope)
    return token !== undefined && this.#deps.clock.monotonicMs() < token.usableUntilMs
      ? token.value
      : undefined
  }

  /**
   * The token for `scope`, asked for as the challenge says unless there is one. Callers that come at the same time
   * share one request. Throws ERR_UPSTREAM_DENIED, ERR_UPSTREAM_RATE_LIMITED, ERR_UPSTREAM_UNREACHABLE or
   * ERR_UPSTREAM_PROTOCOL as the token server answered, or the reason of the signal.
   */
  async get(
    scope: string,
    met: MetChallenge,
    options: { readonly signal: AbortSignal | undefined },
  ): Promise<string> {
    const known = this.find(scope)
    if (known !== undefined) return known
    const { signal } = options
    return this.#flights.run(scope, () => this.#request(scope, met), signal === undefined ? {} : { signal })
  }

  /** Forgets a token that the registry refused, unless another has taken its place. */
  drop(scope: string, value: string): void {
    if (this.#tokens.get(scope)?.value === value) this.#tokens.delete(scope)
  }

  async #request(scope: string, { challenge, url }: MetChallenge): Promise<string> {
    const { clock, transport } = this.#deps
    const reply = await followRedirects(transport, {
      upstream: this.#upstream,
      kind: 'token',
      method: 'GET',
      url: tokenUrl(challenge, scope, url, this.#upstream),
      headers: { accept: 'application/json' },
      // Others may wait for the same token; connection and stall time-outs bound the request.
      signal: undefined,
    })
    // This 404 is about the token server; as ERR_UPSTREAM_NOT_FOUND it would say that the content is gone.
    if (reply.status === 404) {
      await reply.body.discard()
      throw new UpstreamProtocolError(`${reply.asked} was answered with 404`)
    }
    if (reply.status !== 200) throw await refusalOf(reply, clock)
    const { value, usableMs } = parseTokenReply(await readWhole(reply, MAX_TOKEN_REPLY_BYTES), this.#upstream)
    this.#keep(scope, value, usableMs)
    return value
  }

  // Expired tokens go when one is added, which bounds their number by the repositories in use.
  #keep(scope: string, value: string, usableMs: number): void {
    const nowMs = this.#deps.clock.monotonicMs()
    for (const [other, token] of this.#tokens) {
      if (token.usableUntilMs <= nowMs) this.#tokens.delete(other)
    }
    this.#tokens.set(scope, { value, usableUntilMs: nowMs + usableMs })
  }
}
