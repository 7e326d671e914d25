import type { ContentKind } from '@layermesh/interface'
import { findBearerChallenge } from '@layermesh/oci'
import { BearerTokens, type BearerTokensDeps } from './bearer-tokens.ts'
import type { HttpReply, HttpTransport } from './http-transport.ts'
import { followRedirects } from './redirects.ts'

/** A request for content, by its place in the distribution API. */
export interface ContentRequest {
  readonly kind: ContentKind
  readonly method: 'GET' | 'HEAD'
  readonly repository: string
  /** A digest or, for a manifest, a tag. */
  readonly reference: string
  readonly headers: Readonly<Record<string, string>>
  readonly signal: AbortSignal | undefined
}

/** One place where an upstream can be reached. */
export class Endpoint {
  readonly #baseUrl: URL
  readonly #upstream: string
  readonly #transport: HttpTransport
  readonly #tokens: BearerTokens

  /** `baseUrl` is what stands before `/v2/`. Throws TypeError when it is no URL. */
  constructor(deps: BearerTokensDeps, upstream: string, baseUrl: string) {
    this.#baseUrl = new URL(baseUrl)
    this.#upstream = upstream
    this.#transport = deps.transport
    this.#tokens = new BearerTokens(deps, upstream)
  }

  /** Host and port, for messages and the log. */
  get name(): string {
    return this.#baseUrl.host
  }

  /**
   * Sends a request with the token that the registry wants, follows redirects, and yields the reply of whatever
   * status. A token that is refused is replaced once. Throws what {@link followRedirects} and
   * {@link BearerTokens.get} throw.
   */
  async send(request: ContentRequest): Promise<HttpReply> {
    const { signal } = request
    const scope = `repository:${request.repository}:pull`
    const known = this.#tokens.find(scope)
    if (known !== undefined) {
      const reply = await this.#sendWith(request, known)
      if (!this.#isChallenge(reply)) return reply
      await reply.body.discard()
      this.#tokens.drop(scope, known)
    }
    // Also after a refused token: nvcr.io names a realm for logins to whoever comes with an expired one.
    const reply = await this.#sendWith(request, undefined)
    if (!this.#isChallenge(reply)) return reply
    const challenge = findBearerChallenge(reply.headerLines('www-authenticate'))
    if (challenge === undefined) return reply
    await reply.body.discard()
    const token = await this.#tokens.get(scope, { challenge, url: reply.url }, { signal })
    const answer = await this.#sendWith(request, token)
    if (this.#isChallenge(answer)) this.#tokens.drop(scope, token)
    return answer
  }

  /** Whether a reply comes from the registry itself, and not from storage that it redirected to. */
  isOwn(reply: HttpReply): boolean {
    return reply.url.origin === this.#baseUrl.origin
  }

  #isChallenge(reply: HttpReply): boolean {
    return reply.status === 401 && this.isOwn(reply)
  }

  #sendWith(request: ContentRequest, token: string | undefined): Promise<HttpReply> {
    const { kind, method, repository, reference, headers, signal } = request
    const prefix = this.#baseUrl.pathname.replace(/\/$/, '')
    const url = new URL(`${prefix}/v2/${repository}/${kind}s/${reference}`, this.#baseUrl)
    const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` }
    return followRedirects(this.#transport, {
      upstream: this.#upstream,
      kind,
      method,
      url,
      headers: { ...headers, ...authorization },
      signal,
    })
  }
}
