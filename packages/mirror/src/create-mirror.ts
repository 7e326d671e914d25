import type { RequestListener } from 'node:http'
import {
  systemClock,
  type ByteSource,
  type Clock,
  type ContentFetcher,
  type ListenAddress,
  type Log,
  type Metrics,
  type Startable,
  type UpstreamLists,
} from '@layermesh/interface'
import { createUpstreamTable, type UpstreamNames, type UpstreamTableOptions } from '@layermesh/oci'
import { type AccessPolicy, ANONYMOUS_ONLY } from './client-access.ts'
import { CutBlobs } from './cut-blobs.ts'
import { DEFAULT_HTTP_LIMITS, type HttpLimits } from './http-limits.ts'
import { DEFAULT_DRAIN_TIMEOUT_MS, HttpListener } from './http-listener.ts'
import { createHttpApp } from './http-app.ts'
import { createMirrorMetrics } from './mirror-metrics.ts'
import { createRequestHandler, type RequestHandler } from './request-handler.ts'
import type { PullTimeouts } from './serve-pull.ts'
import { TlsIdentity, type TlsFiles } from './tls-identity.ts'

/** How long a client waits for the reply about a manifest or a list to begin: less than dockerd's 15 s and containerd's 30 s. */
export const DEFAULT_MANIFEST_TIMEOUT_MS = 10_000

/** How long a client waits for a blob's reply to begin: less than the 30 s after which containerd gives up. */
export const DEFAULT_BLOB_TIMEOUT_MS = 20_000

/** What a mirror works with. */
export interface MirrorDeps {
  readonly content: ContentFetcher
  readonly lists: UpstreamLists
  readonly log: Log
  readonly metrics: Metrics
  /** @default {@link systemClock} */
  readonly clock?: Clock
}

/** An address of a mirror, and what is special about it. */
export interface MirrorListen extends ListenAddress {
  /** The setting that it comes from, for messages. @default mirror.listen */
  readonly setting?: string
  /** Host of the upstream that requests here are for which name none. @default the one of the whole mirror */
  readonly upstream?: string
  /** Whether clients speak TLS here; needs `tls`. @default false */
  readonly isTls?: boolean
}

/** What a mirror is fixed to. */
export interface MirrorInit extends Partial<PullTimeouts>, UpstreamTableOptions {
  readonly listen: readonly MirrorListen[]
  /** The upstreams that may be asked for; any other is unknown, unless `allowOthers` says so. */
  readonly upstreams: readonly UpstreamNames[]
  /** Host of the upstream for requests that name none. */
  readonly defaultUpstream: string
  /** What each client may have. @default {@link ANONYMOUS_ONLY} */
  readonly accessOf?: AccessPolicy
  /** By what this node's requests to upstreams are known again in `CDN-Loop` (RFC 8586). @default they aren't */
  readonly loopId?: string
  /** @default {@link DEFAULT_DRAIN_TIMEOUT_MS} */
  readonly drainTimeoutMs?: number
  /** @default {@link DEFAULT_HTTP_LIMITS} */
  readonly limits?: Partial<HttpLimits>
  /** Whether clients are sent to their registry, and not told, while it limits our requests. @default false */
  readonly hideRateLimits?: boolean
  /** What is proven at the addresses with TLS. */
  readonly tls?: TlsFiles | undefined
}

/** The registry endpoint that container runtimes pull from. */
export interface Mirror extends Startable {
  /** Where it listens, as `host:port` with the ports that the system chose; empty while it doesn't. */
  addresses(): readonly string[]
  /** Bytes of manifests and blobs that clients have been handed since the start, by where this node had them from. */
  servedBytes(source: ByteSource): number
}

/**
 * Makes a mirror of `upstreams`. `start` throws ERR_LISTEN when an address can't be used and ERR_CONFIG_INVALID when a file for
 * TLS can't; it listens on none then. `stop` gives running replies `drainTimeoutMs`. Throws ERR_UPSTREAM_UNKNOWN when
 * `defaultUpstream` isn't listed.
 */
export function createMirror(deps: MirrorDeps, init: MirrorInit): Mirror {
  const { log, clock = systemClock } = deps
  const {
    drainTimeoutMs = DEFAULT_DRAIN_TIMEOUT_MS,
    manifestTimeoutMs = DEFAULT_MANIFEST_TIMEOUT_MS,
    blobTimeoutMs = DEFAULT_BLOB_TIMEOUT_MS,
    hideRateLimits = false,
    tls,
    accessOf = ANONYMOUS_ONLY,
  } = init
  const upstreams = createUpstreamTable(init.upstreams, init.defaultUpstream, init)
  const metrics = createMirrorMetrics(deps.metrics)
  const handlerDeps = { ...deps, accessOf, upstreams, metrics, clock, cutBlobs: new CutBlobs() }
  const limits = { ...DEFAULT_HTTP_LIMITS, ...init.limits }
  const identity = tls === undefined ? undefined : new TlsIdentity(clock, log, tls)
  const running = new Set<Promise<void>>()
  const doors = init.listen.map((address) => {
    const { setting = 'mirror.listen', upstream, isTls = false } = address
    if (isTls && identity === undefined) throw new TypeError(`${setting}: TLS without a certificate`)
    const handlerInit = { manifestTimeoutMs, blobTimeoutMs, hideRateLimits, upstream, loopId: init.loopId }
    const app = createHttpApp(tracked(createRequestHandler(handlerDeps, handlerInit), running))
    const handle: RequestListener = (request, response) => app.routing(request, response)
    const listener = new HttpListener(
      { handle, log, clock, identity: isTls ? identity : undefined },
      { address: { host: address.host, port: address.port }, setting, drainTimeoutMs, limits },
    )
    return { app, listener }
  })
  const addresses = () => doors.flatMap(({ listener }) => listener.address ?? [])

  async function stop(): Promise<void> {
    await Promise.all(doors.map(({ listener }) => listener.stop()))
    await Promise.all(running)
    await Promise.all(doors.map(({ app }) => app.close()))
    await identity?.stop()
  }

  return {
    addresses,
    servedBytes: (source) => metrics.servedBytes.value({ source }),
    async start() {
      await identity?.start()
      try {
        for (const { app, listener } of doors) {
          await app.ready()
          await listener.start()
        }
      } catch (error) {
        await stop()
        throw error
      }
      log.info({ listen: addresses() }, 'mirror listening')
    },
    stop,
  }
}

/** Keeps the replies that are on the way in `running`. */
function tracked(handler: RequestHandler, running: Set<Promise<void>>): RequestHandler {
  return (request, response) => {
    const reply = handler(request, response).finally(() => running.delete(reply))
    running.add(reply)
    return reply
  }
}
