import { type Access, type Admission, type Clock, UpstreamDeniedError } from '@layermesh/interface'
import { findBearerChallenge, offersBasic } from '@layermesh/oci'
import { BearerTokens, type BearerTokensDeps, type TokenKey } from './bearer-tokens.ts'
import { basicAuthorization, type Credential, type CredentialSource } from './credential.ts'
import type { HttpReply, HttpRequest, HttpTransport } from './http-transport.ts'
import { parsePullQuota, type PullQuota } from './pull-quota.ts'
import { followRedirects } from './redirects.ts'
import type { ApiKind } from './upstream-metrics.ts'

/** A request for content or a list, by its place in the distribution API. */
export interface ContentRequest {
  readonly kind: ApiKind
  readonly method: 'GET' | 'HEAD'
  readonly repository: string
  /** Whether a login may be used. @default anonymous */
  readonly access?: Access | undefined
  /** Caches that the request has come through. @default none */
  readonly via?: readonly string[] | undefined
  /** A digest or, for a manifest, a tag; `list` for tags. */
  readonly reference: string
  /** What a list is asked for with, without a question mark. */
  readonly query?: string
  readonly headers: Readonly<Record<string, string>>
  readonly signal: AbortSignal | undefined
}

/** A reply, and whether a login was shown to get it: a certificate always is where there is one, for who may have what it can have. */
export type EndpointReply = HttpReply & Admission

/** What an endpoint works with. */
export interface EndpointDeps extends BearerTokensDeps {
  readonly credentials: CredentialSource
}

/** How storage answers to an address that has expired since it was signed, or was signed for another. */
const EXPIRED_LINK_STATUSES = new Set([400, 401, 403])

/** Where each kind is found below a repository (distribution-spec 1.1, "Endpoints"). */
const COLLECTIONS: Readonly<Record<ApiKind, string>> = {
  manifest: 'manifests',
  blob: 'blobs',
  tags: 'tags',
  referrers: 'referrers',
}

/** What an endpoint is. */
export interface EndpointInit {
  /** The image host of the upstream. */
  readonly upstream: string
  /** The registry's own, with what stands before `/v2/`; that of a mirror, with what stands before the repository in names. */
  readonly baseUrl: string
  /** Whether it is a mirror, which has more than one upstream and may not have everything. */
  readonly isMirror: boolean
  /** Hosts of token servers that may see its logins, though they are of another domain. @default none */
  readonly realms?: readonly string[] | undefined
}

/** One place where an upstream can be reached. */
export class Endpoint {
  readonly isMirror: boolean
  readonly #baseUrl: URL
  readonly #upstream: string
  readonly #clock: Clock
  readonly #transport: HttpTransport
  readonly #credentials: CredentialSource
  readonly #tokens: BearerTokens
  #quota: PullQuota | undefined
  /** Whether the registry has wanted name and password before: then it wants them each time. */
  #wantsBasic = false

  /** Throws TypeError when its URL is none. */
  constructor(deps: EndpointDeps, { upstream, baseUrl, isMirror, realms = [] }: EndpointInit) {
    this.isMirror = isMirror
    this.#baseUrl = new URL(baseUrl)
    this.#upstream = upstream
    this.#clock = deps.clock
    this.#transport = deps.transport
    this.#credentials = deps.credentials
    this.#tokens = new BearerTokens(deps, { upstream, endpoint: this.#baseUrl, realms })
  }

  /** Host and port, for messages and the log. */
  get name(): string {
    return this.#baseUrl.host
  }

  /** Its base URL without a login, by which it is known again. */
  get id(): string {
    return this.#baseUrl.origin + this.#path
  }

  /** What it has said of how many pulls are left; undefined when it has said nothing. */
  get quota(): PullQuota | undefined {
    return this.#quota
  }

  /**
   * Sends a request with what the registry wants to see, follows redirects, and yields the reply of whatever
   * status. Throws what {@link followRedirects} and {@link BearerTokens.get} throw.
   */
  async send(request: ContentRequest): Promise<EndpointReply> {
    const reply = await this.#sendAuthorized(request)
    const expired = !this.isOwn(reply) && EXPIRED_LINK_STATUSES.has(reply.status)
    if (request.method === 'HEAD' || !expired) return reply
    // The registry signs a new address each time.
    await reply.body.discard()
    return this.#sendAuthorized(request)
  }

  /** Whether a reply comes from the registry itself, and not from storage that it redirected to. */
  isOwn(reply: HttpReply): boolean {
    return reply.url.origin === this.#baseUrl.origin
  }

  /** What is refused is replaced once, and once more when the registry says which scope it misses. */
  async #sendAuthorized(request: ContentRequest): Promise<EndpointReply> {
    const { signal } = request
    const repository = this.#repositoryHere(request.repository)
    const credential =
      request.access === 'login' ? await this.#credentials.find(repository, signal) : undefined
    const key = { scope: `repository:${repository}:pull`, credential }
    const known = this.#findAuthorization(key)
    if (known !== undefined) {
      const reply = await this.#sendWith(request, known, credential)
      if (!this.#isChallenge(reply)) return reply
      await reply.body.discard()
      this.#drop(key, known)
    }
    // Also after a refused token: nvcr.io names a realm for logins to whoever comes with an expired one.
    const reply = await this.#sendWith(request, undefined, credential)
    if (!this.#isChallenge(reply)) return reply
    const answer = await this.#answerChallenge(request, key, reply)
    if (!this.#isChallenge(answer) || !this.#missesScope(reply, answer)) return answer
    return this.#answerChallenge(request, key, answer)
  }

  /** Sends the request again as the 401 asks for, or yields that when it asks for what we don't have. */
  async #answerChallenge(request: ContentRequest, key: TokenKey, reply: HttpReply): Promise<EndpointReply> {
    const authorization = await this.#authorize(key, reply, request.signal)
    if (authorization === undefined) return reply
    await reply.body.discard()
    const answer = await this.#sendWith(request, authorization, key.credential)
    if (this.#isChallenge(answer)) this.#drop(key, authorization)
    return answer
  }

  async #authorize(
    key: TokenKey,
    reply: HttpReply,
    signal: AbortSignal | undefined,
  ): Promise<string | undefined> {
    const { credential } = key
    const lines = reply.headerLines('www-authenticate')
    const challenge = findBearerChallenge(lines)
    if (challenge !== undefined) {
      try {
        return bearer(await this.#tokens.get(key, { challenge, url: reply.url }, { signal }))
      } catch (error) {
        if (error instanceof UpstreamDeniedError && credential !== undefined)
          this.#credentials.refused(credential)
        throw error
      }
    }
    if (credential === undefined || !offersBasic(lines)) return undefined
    this.#wantsBasic = true
    return basicAuthorization(credential)
  }

  #findAuthorization(key: TokenKey): string | undefined {
    const token = this.#tokens.find(key)
    if (token !== undefined) return bearer(token)
    return this.#wantsBasic && key.credential !== undefined ? basicAuthorization(key.credential) : undefined
  }

  #drop(key: TokenKey, authorization: string): void {
    this.#tokens.drop(key, authorization.slice(BEARER.length))
    if (!authorization.startsWith(BEARER) && key.credential !== undefined)
      this.#credentials.refused(key.credential)
  }

  #missesScope(asked: HttpReply, answered: HttpReply): boolean {
    const challenge = findBearerChallenge(answered.headerLines('www-authenticate'))
    const before = findBearerChallenge(asked.headerLines('www-authenticate'))
    return challenge?.error === 'insufficient_scope' && challenge.scope !== before?.scope
  }

  #isChallenge(reply: HttpReply): boolean {
    return reply.status === 401 && this.isOwn(reply)
  }

  async #sendWith(
    request: ContentRequest,
    authorization: string | undefined,
    credential?: Credential,
  ): Promise<EndpointReply> {
    const { kind, method, headers, via, signal } = request
    const certificate = this.#baseUrl.protocol === 'https:' ? credential?.certificate : undefined
    const reply = await this.#follow(credential, {
      upstream: this.#upstream,
      endpoint: this.#baseUrl,
      kind,
      method,
      url: this.#urlOf(request),
      headers: { ...headers, ...(authorization !== undefined && { authorization }) },
      certificate: certificate ?? (this.#credentials.hasCertificate ? 'withheld' : undefined),
      via,
      signal,
    })
    if (this.isOwn(reply)) this.#quota = parsePullQuota(reply, this.#clock.now()) ?? this.#quota
    const isProven =
      certificate !== undefined || (authorization !== undefined && credential?.secret !== undefined)
    return isProven ? { ...reply, access: 'login' } : reply
  }

  async #follow(credential: Credential | undefined, request: HttpRequest): Promise<HttpReply> {
    try {
      return await followRedirects(this.#transport, request)
    } catch (error) {
      // No status is thrown here: this is said in TLS, of the certificate.
      if (error instanceof UpstreamDeniedError && credential?.certificate !== undefined)
        this.#credentials.refused(credential)
      throw error
    }
  }

  #urlOf({ kind, repository, reference, query = '' }: ContentRequest): URL {
    const path = `/v2/${this.#repositoryHere(repository)}/${COLLECTIONS[kind]}/${reference}`
    const url = new URL(this.isMirror ? path : this.#path + path, this.#baseUrl)
    url.search = query
    if (!this.isMirror) return url
    // So does containerd. Registries that are no mirrors may take offence (distribution-spec, "Registry Proxying").
    url.searchParams.set('ns', this.#upstream)
    return url
  }

  #repositoryHere(repository: string): string {
    return this.isMirror ? `${this.#path}/${repository}`.replace(/^\//, '') : repository
  }

  get #path(): string {
    return this.#baseUrl.pathname.replace(/\/$/, '')
  }
}

const BEARER = 'Bearer '

function bearer(token: string): string {
  return BEARER + token
}
