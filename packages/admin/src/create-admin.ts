import type { AddressInfo } from 'node:net'
import {
  formatListenAddress,
  listenFailure,
  type CacheControl,
  type LayermeshError,
  type ListenAddress,
  type Log,
  type NodeStatus,
  type PeerStatus,
  type Startable,
} from '@layermesh/interface'
import fastify, { type FastifyError, type FastifyInstance } from 'fastify'
import { addCacheRoutes } from './cache-routes.ts'
import { isHostAllowed } from './host-guard.ts'
import { blamedStatus, refuse, refuseUnrouted } from './refusal.ts'
import { schemaError } from './schema-error.ts'

const BODY_LIMIT_BYTES = 64 * 1024

/** The parts of a node by name, and whether each can do its work. */
export type Readiness = Readonly<Record<string, boolean>>

/** What the admin endpoint tells and does, and by whom. */
export interface AdminDeps {
  readonly log: Log
  readonly cache: CacheControl
  metricsText(): Promise<{ readonly contentType: string; readonly body: string }>
  status(): Promise<NodeStatus>
  peers(): Promise<readonly PeerStatus[]>
  readiness(): Readiness
}

/** Tunables of the admin endpoint. */
export interface AdminInit {
  readonly listen: ListenAddress
  /** Whoever has it may change things. */
  readonly token: string
}

/** The admin endpoint of a node. */
export interface Admin extends Startable {
  /** `host:port` that it listens on, with the port that the system chose if it was to. Only between start and stop. */
  address(): string
}

/**
 * Health, metrics and status of a node over HTTP, and what a person can do with its cache. Whoever can reach the address
 * can read; who wants to change something needs the token. `start` throws ERR_LISTEN.
 */
export function createAdmin(deps: AdminDeps, { listen, token }: AdminInit): Admin {
  const app = fastify({
    // Clients that keep their connection open, as Prometheus does, don't hold up a stop.
    forceCloseConnections: true,
    bodyLimit: BODY_LIMIT_BYTES,
    // What isn't as it has to be is refused, not bent until it fits.
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false } },
    schemaErrorFormatter: schemaError,
  })
  app.addHook('onRequest', async (request, reply) => {
    void reply.header('cache-control', 'no-store')
    if (!isHostAllowed(request.headers.host, listen.host)) {
      return refuse(reply, 403, 'the Host header must be an IP address or localhost')
    }
    if (request.is404) return refuseUnrouted(app, request, reply)
  })
  app.setErrorHandler<FastifyError | LayermeshError>((err, request, reply) => {
    // Who has gone away needs no reply, and what they broke off is no failure.
    if (reply.raw.closed) return
    const status = blamedStatus(err)
    if (status !== undefined) return refuse(reply, status, err.message)
    deps.log.error({ err, path: request.routeOptions.url }, 'admin request failed')
    return refuse(reply, 500, 'the reply could not be made; the log says why')
  })
  addRoutes(app, deps)
  addCacheRoutes(app, deps, token)

  let stopped: Promise<void> | undefined
  return {
    async start() {
      try {
        await app.listen({ ...listen })
      } catch (cause) {
        throw listenFailure('admin.listen', listen, cause)
      }
    },
    stop: () => (stopped ??= app.close()),
    address() {
      const { address, port } = app.server.address() as AddressInfo
      return formatListenAddress({ host: address, port })
    },
  }
}

function addRoutes(app: FastifyInstance, deps: AdminDeps): void {
  app.get('/healthz', () => ({ healthy: true }))
  app.get('/readyz', (_request, reply) => {
    const parts = deps.readiness()
    const ready = Object.values(parts).every(Boolean)
    return reply.code(ready ? 200 : 503).send({ ready, parts })
  })
  app.get('/metrics', async (_request, reply) => {
    const { contentType, body } = await deps.metricsText()
    return reply.type(contentType).send(body)
  })
  app.get('/api/v1/status', () => deps.status())
  app.get('/api/v1/peers', () => deps.peers())
}
