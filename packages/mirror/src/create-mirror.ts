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
} from '@layermesh/interface'
import { createUpstreamTable, type UpstreamNames } from '@layermesh/oci'
import { type AccessPolicy, ANONYMOUS_ONLY } from './client-access.ts'
import { DEFAULT_DRAIN_TIMEOUT_MS, HttpListener } from './http-listener.ts'
import { createHttpApp } from './http-app.ts'
import { createMirrorMetrics } from './mirror-metrics.ts'
import { createRequestHandler } from './request-handler.ts'
import type { PullTimeouts } from './serve-pull.ts'

/** How long a client waits for a manifest's reply to begin: less than dockerd's 15 s and containerd's 30 s. */
export const DEFAULT_MANIFEST_TIMEOUT_MS = 10_000

/** How long a client waits for a blob's reply to begin: less than the 30 s after which containerd gives up. */
export const DEFAULT_BLOB_TIMEOUT_MS = 20_000

/** What a mirror works with. */
export interface MirrorDeps {
  readonly content: ContentFetcher
  readonly log: Log
  readonly metrics: Metrics
  /** @default {@link systemClock} */
  readonly clock?: Clock
}

/** What a mirror is fixed to. */
export interface MirrorInit extends Partial<PullTimeouts> {
  readonly listen: readonly ListenAddress[]
  /** The upstreams that may be asked for; any other is unknown. */
  readonly upstreams: readonly UpstreamNames[]
  /** Host of the upstream for requests that name none. */
  readonly defaultUpstream: string
  /** What each client may have. @default {@link ANONYMOUS_ONLY} */
  readonly accessOf?: AccessPolicy
  /** @default {@link DEFAULT_DRAIN_TIMEOUT_MS} */
  readonly drainTimeoutMs?: number
}

/** The registry endpoint that container runtimes pull from. */
export interface Mirror extends Startable {
  /** Where it listens, as `host:port` with the ports that the system chose; empty while it doesn't. */
  addresses(): readonly string[]
  /** Bytes of manifests and blobs that clients have been handed since the start, by where this node had them from. */
  servedBytes(source: ByteSource): number
}

/**
 * Makes a mirror of `upstreams`. `start` throws ERR_LISTEN when an address can't be used; it listens on none then.
 * `stop` gives running replies `drainTimeoutMs`. Throws ERR_UPSTREAM_UNKNOWN when `defaultUpstream` isn't listed.
 */
export function createMirror(deps: MirrorDeps, init: MirrorInit): Mirror {
  const { content, log, clock = systemClock } = deps
  const {
    drainTimeoutMs = DEFAULT_DRAIN_TIMEOUT_MS,
    manifestTimeoutMs = DEFAULT_MANIFEST_TIMEOUT_MS,
    blobTimeoutMs = DEFAULT_BLOB_TIMEOUT_MS,
    accessOf = ANONYMOUS_ONLY,
  } = init
  const upstreams = createUpstreamTable(init.upstreams, init.defaultUpstream)
  const metrics = createMirrorMetrics(deps.metrics)
  const handler = createRequestHandler(
    { content, accessOf, upstreams, log, metrics, clock },
    { manifestTimeoutMs, blobTimeoutMs },
  )
  const running = new Set<Promise<void>>()
  const app = createHttpApp((request, response) => {
    const reply = handler(request, response).finally(() => running.delete(reply))
    running.add(reply)
    return reply
  })
  const handle: RequestListener = (request, response) => app.routing(request, response)
  const listeners = init.listen.map(
    (address) => new HttpListener({ handle, log, clock }, { address, drainTimeoutMs }),
  )
  const addresses = () => listeners.flatMap((listener) => listener.address ?? [])

  async function stop(): Promise<void> {
    await Promise.all(listeners.map((listener) => listener.stop()))
    await Promise.all(running)
    await app.close()
  }

  return {
    addresses,
    servedBytes: (source) => metrics.servedBytes.value({ source }),
    async start() {
      await app.ready()
      try {
        for (const listener of listeners) await listener.start()
      } catch (error) {
        await stop()
        throw error
      }
      log.info({ listen: addresses() }, 'mirror listening')
    },
    stop,
  }
}
