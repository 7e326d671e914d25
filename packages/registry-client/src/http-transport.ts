import { type Clock, UpstreamProtocolError } from '@layermesh/interface'
import { type Dispatcher, request as sendRequest } from 'undici'
import type { AddressGuard } from './address-guard.ts'
import type { ClientCertificate } from './client-certificate.ts'
import { createDispatcher, type DispatcherInit } from './create-dispatcher.ts'
import { classifyNetworkFailure } from './network-failure.ts'
import { ReplyBody } from './reply-body.ts'
import { outcomeOfStatus, type RequestOutcome } from './request-outcome.ts'
import type { RequestKind, UpstreamMetrics } from './upstream-metrics.ts'

/** How a registry learns who asks before it reads the request. */
export interface ShownCertificate {
  /**
   * Only the origin of {@link HttpRequest.endpoint} sees it, and only by https. `withheld` when there is one that this request
   * may not use.
   */
  readonly certificate?: ClientCertificate | 'withheld' | undefined
}

/** One HTTP request, without redirects. */
export interface HttpRequest extends ShownCertificate {
  /** The image host that this is for; it stands in messages. */
  readonly upstream: string
  /** Where the registry is reached: from one of the Internet, nobody is led to a private address. */
  readonly endpoint: URL
  readonly kind: RequestKind
  readonly method: 'GET' | 'HEAD' | 'POST'
  readonly url: URL
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
  /** Caches that the request has come through before this one. @default none */
  readonly via?: readonly string[] | undefined
  readonly signal: AbortSignal | undefined
}

/** The head of a reply, and its body: read, discard or cut it. */
export interface HttpReply {
  /** What was asked of whom, for messages: host and method, never path or query. */
  readonly asked: string
  /** Where the reply came from. */
  readonly url: URL
  readonly status: number
  /** The lines of a header, by its name in lower case; none when it is missing. */
  headerLines(name: string): readonly string[]
  /** The first line of a header. */
  header(name: string): string | undefined
  readonly body: ReplyBody
}

/** What the transport works with. */
export interface HttpTransportDeps {
  readonly clock: Clock
  readonly metrics: UpstreamMetrics
  readonly guard: AddressGuard
}

/** Fixed at construction; times in milliseconds. */
export interface HttpTransportInit extends DispatcherInit {
  readonly userAgent: string
  /** By what this client is known again in `CDN-Loop` (RFC 8586); undefined for no such header. */
  readonly loopId: string | undefined
  readonly bodyStallTimeoutMs: number
  /**
   * Whether everything asked is on the Internet: by https, on its port, at public addresses, wherever a reply leads to.
   * @default false
   */
  readonly publicOnly?: boolean
}

const FAILURE_OUTCOMES = new Map<string, RequestOutcome>([
  ['ERR_UPSTREAM_PROTOCOL', 'protocol'],
  ['ERR_UPSTREAM_DENIED', 'unauthorized'],
])

/** Sends the requests of one upstream over kept connections and yields bodies as they are on the wire. */
export class HttpTransport {
  readonly #deps: HttpTransportDeps
  readonly #init: HttpTransportInit
  readonly #any: Dispatcher
  readonly #public: Dispatcher
  #certified: { readonly id: string; readonly dispatcher: Dispatcher } | undefined
  /** Those of certificates that have been replaced, until their last request is over. */
  readonly #replaced = new Set<Dispatcher>()
  #isClosed = false

  constructor(deps: HttpTransportDeps, init: HttpTransportInit) {
    this.#deps = deps
    this.#init = init
    this.#any = createDispatcher(init, deps.guard.lookupAny)
    this.#public = createDispatcher(init, deps.guard.lookupPublic)
  }

  /**
   * Sends one request and waits for the head of the reply, of whatever status. Throws ERR_UPSTREAM_UNREACHABLE,
   * ERR_UPSTREAM_PROTOCOL when the answer is no HTTP, or the reason of the signal.
   */
  async request(request: HttpRequest): Promise<HttpReply> {
    const { clock, metrics } = this.#deps
    const { kind, method, url, signal } = request
    const asked = `${request.upstream}: ${method} of a ${kind} from ${url.host}`
    // A URL has no port when it is the one of its scheme.
    if (this.#init.publicOnly === true && (url.protocol !== 'https:' || url.port !== '')) {
      throw new UpstreamProtocolError(`${asked} would not be by https on port 443`)
    }
    const { statusCode, headers, body } = await this.#send(request, asked)
    metrics.answered(kind, outcomeOfStatus(statusCode))
    const headerLines = (name: string) => [headers[name] ?? []].flat()
    return {
      asked,
      url,
      status: statusCode,
      headerLines,
      header: (name) => headerLines(name)[0],
      body: new ReplyBody(body, {
        clock,
        stallTimeoutMs: this.#init.bodyStallTimeoutMs,
        onBytes: (count) => metrics.received(kind, count),
        signal,
        asked,
      }),
    }
  }

  /** Ends all requests and closes all connections. Idempotent. */
  async close(): Promise<void> {
    this.#isClosed = true
    const certified = this.#certified === undefined ? [] : [this.#certified.dispatcher]
    const all = [this.#any, this.#public, ...certified, ...this.#replaced]
    await Promise.all(all.map((dispatcher) => dispatcher.destroy()))
  }

  async #send(request: HttpRequest, asked: string): Promise<Dispatcher.ResponseData> {
    const { endpoint, kind, method, url, headers, body, via = [], signal } = request
    const { loopId } = this.#init
    const isCertifiable = url.protocol === 'https:' && url.origin === endpoint.origin
    const certificate = isCertifiable ? request.certificate : undefined
    try {
      return await sendRequest(url, {
        dispatcher: await this.#dispatcherFor(url, endpoint, certificate),
        method,
        // Also here: what goes through a proxy without a tunnel knows no limits of the dispatcher.
        headersTimeout: this.#init.headersTimeoutMs,
        bodyTimeout: 0,
        ...(body !== undefined && { body }),
        headers: {
          ...headers,
          // Digests are of the bytes as they are stored; nobody may compress them on the way.
          'accept-encoding': 'identity',
          'user-agent': this.#init.userAgent,
          ...(loopId !== undefined && { 'cdn-loop': [...via, loopId].join(', ') }),
        },
        ...(signal !== undefined && { signal }),
      })
    } catch (cause) {
      if (signal?.aborted === true) {
        this.#deps.metrics.answered(kind, 'aborted')
        throw signal.reason as Error
      }
      const failure = classifyNetworkFailure(asked, cause, certificate === 'withheld')
      this.#deps.metrics.answered(kind, FAILURE_OUTCOMES.get(failure.code) ?? 'unreachable')
      throw failure
    }
  }

  async #dispatcherFor(
    url: URL,
    endpoint: URL,
    certificate: ShownCertificate['certificate'],
  ): Promise<Dispatcher> {
    const { guard } = this.#deps
    if (this.#init.publicOnly === true) {
      await guard.requirePublicLiteral(url)
      return this.#public
    }
    await guard.noteLiteral(endpoint)
    if (typeof certificate === 'object') return this.#certifiedBy(certificate)
    if (!guard.needsPublic(url, endpoint)) return this.#any
    await guard.requirePublicLiteral(url)
    return this.#public
  }
  // Connections are proven once: none is shared by those who show a certificate and those who don't.
  #certifiedBy(certificate: ClientCertificate): Dispatcher {
    if (this.#certified?.id === certificate.id) return this.#certified.dispatcher
    if (this.#isClosed) return this.#any
    const replaced = this.#certified?.dispatcher
    if (replaced !== undefined) {
      this.#replaced.add(replaced)
      void replaced.close().finally(() => this.#replaced.delete(replaced))
    }
    const dispatcher = createDispatcher(this.#init, this.#deps.guard.lookupAny, certificate)
    this.#certified = { id: certificate.id, dispatcher }
    return dispatcher
  }
}
