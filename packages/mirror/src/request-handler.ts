import type { IncomingMessage, ServerResponse } from 'node:http'
import { parseRoute, type Route, type UpstreamTable } from '@layermesh/oci'
import { OWN_REPLY } from './cache-status.ts'
import { API_VERSION } from './content-headers.ts'
import { statusClass } from './mirror-metrics.ts'
import {
  LIST_UNAVAILABLE,
  NO_SUCH_ENDPOINT,
  routeErrorReply,
  sendErrorReply,
  WRITE_REFUSED,
  type ErrorReply,
} from './oci-error-reply.ts'
import { servePull, type PullDeps, type PullTimeouts } from './serve-pull.ts'

/** Replies to one request. Resolves once it has, or once the client is gone; never rejects. */
export type RequestHandler = (request: IncomingMessage, response: ServerResponse) => Promise<void>

/** What {@link createRequestHandler} works with. */
export interface RequestHandlerDeps extends PullDeps {
  readonly upstreams: UpstreamTable
}

/** A request that asks for nothing that we could look for. */
interface RefusedRequest {
  readonly kind: 'refused'
  readonly error: ErrorReply
}

const PING_BODY = '{}'

/** Makes the handler of a pull mirror's part of the distribution API (distribution-spec 1.1, "Endpoints"). */
export function createRequestHandler(deps: RequestHandlerDeps, timeouts: PullTimeouts): RequestHandler {
  return async (request, response) => {
    const route = isRead(request.method) ? readRoute(request, deps) : refused(WRITE_REFUSED)
    const isPull = route.kind === 'manifest' || route.kind === 'blob'
    if (isPull) await servePull(request, response, route, deps, timeouts)
    else sendPlainReply(response, route)
    // A client that hung up before its reply began has had no status.
    if (!response.headersSent) return
    deps.metrics.requests.add(1, {
      kind: isPull ? route.kind : 'other',
      status: statusClass(response.statusCode),
    })
  }
}

/** Whether a request with this method is one that a mirror answers. */
export function isRead(method: string | undefined): boolean {
  return method === 'GET' || method === 'HEAD'
}

function readRoute(request: IncomingMessage, { upstreams, log }: RequestHandlerDeps): Route | RefusedRequest {
  try {
    return parseRoute(request.url ?? '', upstreams)
  } catch (err) {
    const error = routeErrorReply(err)
    log.debug({ method: request.method, status: error.status, err }, 'request refused')
    return refused(error)
  }
}

function refused(error: ErrorReply): RefusedRequest {
  return { kind: 'refused', error }
}

function sendPlainReply(
  response: ServerResponse,
  route: Exclude<Route, { kind: 'manifest' | 'blob' }> | RefusedRequest,
): void {
  switch (route.kind) {
    case 'ping':
      response.writeHead(200, [
        ...API_VERSION,
        ...[
          'Cache-Status',
          OWN_REPLY,
          'Content-Type',
          'application/json',
          'Content-Length',
          String(PING_BODY.length),
        ],
      ])
      response.end(PING_BODY)
      return
    case 'ping-without-slash':
      response.writeHead(301, [
        ...API_VERSION,
        'Cache-Status',
        OWN_REPLY,
        'Location',
        route.location,
        'Content-Length',
        '0',
      ])
      response.end()
      return
    case 'tags':
    case 'referrers':
      sendErrorReply(response, LIST_UNAVAILABLE)
      return
    case 'unknown':
      sendErrorReply(response, NO_SUCH_ENDPOINT)
      return
    case 'refused':
      sendErrorReply(response, route.error)
  }
}
