import type { Clock } from '@layermesh/interface'
import { Agent, type Dispatcher, request as sendRequest } from 'undici'
import { classifyNetworkFailure } from './network-failure.ts'
import { ReplyBody } from './reply-body.ts'
import { outcomeOfStatus } from './request-outcome.ts'
import type { RequestKind, UpstreamMetrics } from './upstream-metrics.ts'

/** How many connections one host gets; requests beyond wait for a free one. */
const CONNECTIONS_PER_HOST = 32
/** How long an idle connection is kept when the server names no time, in milliseconds. */
const KEEP_ALIVE_MS = 30_000

/** One HTTP request, without redirects. */
export interface HttpRequest {
  /** The image host that this is for; it stands in messages. */
  readonly upstream: string
  readonly kind: RequestKind
  readonly method: 'GET' | 'HEAD'
  readonly url: URL
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
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
}

/** Fixed at construction; times in milliseconds. */
export interface HttpTransportInit {
  readonly userAgent: string
  readonly connectTimeoutMs: number
  readonly headersTimeoutMs: number
  readonly bodyStallTimeoutMs: number
}

/** Sends requests over kept connections and yields bodies as they are on the wire. */
export class HttpTransport {
  readonly #deps: HttpTransportDeps
  readonly #init: HttpTransportInit
  readonly #agent: Agent

  constructor(deps: HttpTransportDeps, init: HttpTransportInit) {
    this.#deps = deps
    this.#init = init
    this.#agent = new Agent({
      connections: CONNECTIONS_PER_HOST,
      // A blob may take minutes: whatever were queued behind it on its connection would wait as long.
      pipelining: 1,
      // For the same reason: many streams on one connection share one flow-control window and one loss.
      allowH2: false,
      connectTimeout: init.connectTimeoutMs,
      headersTimeout: init.headersTimeoutMs,
      // The stall guard of ReplyBody does this by the injected clock.
      bodyTimeout: 0,
      keepAliveTimeout: KEEP_ALIVE_MS,
    })
  }

  /**
   * Sends one request and waits for the head of the reply, of whatever status. Throws ERR_UPSTREAM_UNREACHABLE,
   * ERR_UPSTREAM_PROTOCOL when the answer is no HTTP, or the reason of the signal.
   */
  async request(request: HttpRequest): Promise<HttpReply> {
    const { clock, metrics } = this.#deps
    const { kind, method, url, signal } = request
    const asked = `${request.upstream}: ${method} of a ${kind} from ${url.host}`
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
    await this.#agent.destroy()
  }

  async #send(
    { kind, method, url, headers, signal }: HttpRequest,
    asked: string,
  ): Promise<Dispatcher.ResponseData> {
    try {
      return await sendRequest(url, {
        dispatcher: this.#agent,
        method,
        headers: {
          ...headers,
          // Digests are of the bytes as they are stored; nobody may compress them on the way.
          'accept-encoding': 'identity',
          'user-agent': this.#init.userAgent,
        },
        ...(signal !== undefined && { signal }),
      })
    } catch (cause) {
      if (signal?.aborted === true) {
        this.#deps.metrics.answered(kind, 'aborted')
        throw signal.reason as Error
      }
      const failure = classifyNetworkFailure(asked, cause)
      this.#deps.metrics.answered(kind, failure.code === 'ERR_UPSTREAM_PROTOCOL' ? 'protocol' : 'unreachable')
      throw failure
    }
  }
}
