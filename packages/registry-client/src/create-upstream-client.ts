import type {
  Clock,
  Log,
  Metrics,
  UpstreamAnswer,
  UpstreamAnswerStore,
  UpstreamClient,
  UpstreamLists,
  UpstreamStatus,
} from '@layermesh/interface'
import { AddressGuard } from './address-guard.ts'
import { ConfiguredCredentials, type CredentialFiles } from './configured-credentials.ts'
import { createAskHelper } from './credential-helper.ts'
import { Endpoint } from './endpoint.ts'
import { type ResolveHost, resolveHost } from './host-address.ts'
import { HttpTransport } from './http-transport.ts'
import { HttpUpstreamClient } from './http-upstream-client.ts'
import { KeptAnswers } from './kept-answers.ts'
import { LoginMarks } from './login-marks.ts'
import { OtherUpstreams } from './other-upstreams.ts'
import { Upstream } from './upstream.ts'
import { UpstreamMetrics } from './upstream-metrics.ts'

/** How long a connection may take to come about, TLS included, in milliseconds. */
export const DEFAULT_CONNECT_TIMEOUT_MS = 5_000
/** How long a server may take for the head of a reply, in milliseconds; runtimes wait for us no longer than about 20 s. */
export const DEFAULT_HEADERS_TIMEOUT_MS = 15_000
/** How long a body may bring nothing while it is being read, in milliseconds. */
export const DEFAULT_BODY_STALL_TIMEOUT_MS = 10_000

/** An upstream, by its image host, and where it can be reached. */
export interface UpstreamEndpoints {
  /** Canonical image host, such as `docker.io`. */
  readonly host: string
  /** Base URLs, such as `https://registry-1.docker.io`, in the order in which they are tried. */
  readonly endpoints: readonly string[]
  /**
   * Base URLs of mirrors that are tried before the endpoints, in this order: their path is what stands before the repository in
   * names there. What a mirror doesn't have, the endpoints are asked for.
   */
  readonly mirrors?: readonly string[]
  /** Logins; a host for which there is none is asked without. */
  readonly credentials?: CredentialFiles & {
    /** Hosts of token servers that may see the logins, though they are of another domain than who names them. */
    readonly realms?: readonly string[]
  }
  /** Hosts with private addresses that an endpoint with a public one may lead to, as storage or for tokens. */
  readonly privateHosts?: readonly string[]
  /** Certificates in PEM of authorities that are trusted beside the system's. */
  readonly ca?: string | undefined
  /** Base URL of an HTTP proxy, login included. @default what `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` say */
  readonly proxy?: string | undefined
}

/** What the client works with. */
export interface UpstreamClientDeps {
  readonly clock: Clock
  readonly log: Log
  readonly metrics: Metrics
  /**
   * Where refusals and pauses are written that are to survive a restart.
   * @default none does
   */
  readonly answers?: UpstreamAnswerStore
  /**
   * Yields a number of [0, 1): it spreads repetitions in time.
   * @default Math.random
   */
  readonly random?: () => number
  /**
   * Finds the addresses of hosts.
   * @default the system's resolver
   */
  readonly resolveHost?: ResolveHost
  /**
   * The environment that may name a proxy.
   * @default process.env
   */
  readonly env?: Readonly<Record<string, string | undefined>>
}

/** Fixed at construction. */
export interface UpstreamClientInit {
  /** The upstreams that may be asked. */
  readonly upstreams: readonly UpstreamEndpoints[]
  /**
   * Whether any other host may be asked as well: by https on port 443 and at public addresses only, without a login.
   * @default false
   */
  readonly allowOthers?: boolean
  /** Our version, for the `User-Agent` that registries see. */
  readonly version: string
  /** What the store of answers had at the start, in the order in which it was said. @default nothing */
  readonly earlierAnswers?: readonly UpstreamAnswer[]
  /** By what this client is known again in `CDN-Loop` (RFC 8586). @default no such header is sent */
  readonly loopId?: string
  /** @default {@link DEFAULT_CONNECT_TIMEOUT_MS} */
  readonly connectTimeoutMs?: number
  /** @default {@link DEFAULT_HEADERS_TIMEOUT_MS} */
  readonly headersTimeoutMs?: number
  /** @default {@link DEFAULT_BODY_STALL_TIMEOUT_MS} */
  readonly bodyStallTimeoutMs?: number
}

/** An upstream client with connections to close. */
export interface ClosableUpstreamClient extends UpstreamClient, UpstreamLists {
  /** What is known of the upstreams, in the order in which they were configured. */
  status(): readonly UpstreamStatus[]
  /** Ends all requests and closes all connections; the client can't be used after that. Idempotent. */
  close(): Promise<void>
}

/**
 * Makes the client of the configured upstreams: logins, tokens, redirects, ranges, repetitions, failover. Opens no
 * connection before it is asked for something. Throws TypeError when an endpoint is no URL.
 */
export function createUpstreamClient(
  deps: UpstreamClientDeps,
  init: UpstreamClientInit,
): ClosableUpstreamClient {
  const { clock, random = Math.random } = deps
  const log = deps.log.child({ component: 'registry-client' })
  const metrics = new UpstreamMetrics(deps.metrics)
  const askHelper = createAskHelper(clock)
  const answers = new KeptAnswers({ clock, log, store: deps.answers }, init.earlierAnswers)
  const common = { clock, log, random, answers, marks: new LoginMarks() }
  const transports: HttpTransport[] = []
  const makeTransport = (
    facts: Pick<UpstreamEndpoints, 'ca' | 'proxy' | 'privateHosts'> & { readonly publicOnly?: boolean },
  ) => {
    const guard = new AddressGuard(deps.resolveHost ?? resolveHost, facts.privateHosts ?? [])
    const transport = new HttpTransport(
      { clock, metrics, guard },
      {
        userAgent: `layermesh/${init.version}`,
        loopId: init.loopId,
        connectTimeoutMs: init.connectTimeoutMs ?? DEFAULT_CONNECT_TIMEOUT_MS,
        headersTimeoutMs: init.headersTimeoutMs ?? DEFAULT_HEADERS_TIMEOUT_MS,
        bodyStallTimeoutMs: init.bodyStallTimeoutMs ?? DEFAULT_BODY_STALL_TIMEOUT_MS,
        ca: facts.ca,
        proxy: facts.proxy,
        env: deps.env ?? process.env,
        publicOnly: facts.publicOnly ?? false,
      },
    )
    transports.push(transport)
    return transport
  }
  const upstreams = init.upstreams.map((upstream) => {
    const { host, endpoints } = upstream
    const credentialDeps = { clock, log: log.child({ upstream: host }), askHelper }
    const { realms, ...files } = upstream.credentials ?? {}
    const transport = makeTransport(upstream)
    const credentials = new ConfiguredCredentials(credentialDeps, host, files)
    const reachedAt = endpoints.map(
      (baseUrl) =>
        new Endpoint({ clock, transport, credentials }, { upstream: host, baseUrl, isMirror: false, realms }),
    )
    const mirroredAt = (upstream.mirrors ?? []).map((baseUrl) => {
      // A mirror is another registry: it must not see the upstream's login.
      const { dockerConfig, pullSecret } = files
      const { host: mirror } = new URL(baseUrl)
      const own = new ConfiguredCredentials(credentialDeps, mirror, { dockerConfig, pullSecret })
      return new Endpoint(
        { clock, transport, credentials: own },
        { upstream: host, baseUrl, isMirror: true, realms },
      )
    })
    return new Upstream({ ...common, credentials }, host, [...mirroredAt, ...reachedAt])
  })
  metrics.watchQuotas(upstreams)
  const others =
    init.allowOthers === true
      ? new OtherUpstreams({ ...common, askHelper, transport: makeTransport({ publicOnly: true }) })
      : undefined
  return new HttpUpstreamClient({ clock, answers, transports, upstreams, others })
}
