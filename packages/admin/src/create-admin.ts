import type { AddressInfo } from 'node:net'
import {
  formatListenAddress,
  listenFailure,
  type ListenAddress,
  type Log,
  type NodeStatus,
  type PeerStatus,
  type Startable,
} from '@layermesh/interface'
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { isHostAllowed } from './host-guard.ts'

/** The parts of a node by name, and whether each can do its work. */
export type Readiness = Readonly<Record<string, boolean>>

/** What the admin endpoint tells, and where it has it from. */
export interface AdminDeps {
  readonly log: Log
  metricsText(): Promise<{ readonly contentType: string; readonly body: string }>
  status(): Promise<NodeStatus>
  peers(): Promise<readonly PeerStatus[]>
  readiness(): Readiness
}

/** Tunables of the admin endpoint. */
export interface AdminInit {
  readonly listen: ListenAddress
}

/** The admin endpoint of a node. */
export interface Admin extends Startable {
  /** `host:port` that it listens on, with the port that the system chose if it was to. Only between start and stop. */
  address(): string
}

/**
 * Health, metrics and status of a node over HTTP. It only reads, so it needs no token; whoever can reach the address
 * can read. `start` throws ERR_LISTEN.
 */
export function createAdmin(deps: AdminDeps, { listen }: AdminInit): Admin {
  // Clients that keep their connection open, as Prometheus does, don't hold up a stop.
  const app = fastify({ forceCloseConnections: true })
  app.addHook('onRequest', async (request, reply) => {
    void reply.header('cache-control', 'no-store')
    if (!isHostAllowed(request.headers.host, listen.host)) {
      return refuse(reply, 403, 'the Host header must be an IP address or localhost')
    }
    if (!['GET', 'HEAD'].includes(request.method)) return refuseMethod(app, request, reply)
  })
  app.setNotFoundHandler((_request, reply) => refuse(reply, 404, 'there is nothing here'))
  app.setErrorHandler((err, request, reply) => {
    deps.log.error({ err, path: request.routeOptions.url }, 'admin request failed')
    return refuse(reply, 500, 'the reply could not be made; the log says why')
  })
  addRoutes(app, deps)

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

function refuseMethod(app: FastifyInstance, { url }: FastifyRequest, reply: FastifyReply): FastifyReply {
  const [path = ''] = url.split('?')
  if (!app.hasRoute({ method: 'GET', url: path })) return refuse(reply, 404, 'there is nothing here')
  return refuse(reply.header('allow', 'GET, HEAD'), 405, 'this can only be read')
}

function refuse(reply: FastifyReply, status: number, error: string): FastifyReply {
  return reply.code(status).send({ error })
}
