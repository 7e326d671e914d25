import type { IncomingMessage, ServerResponse } from 'node:http'
import { parseRoute, type Route, type UpstreamTable } from '@layermesh/oci'
import { statusClass } from './mirror-metrics.ts'
import {
  CODING_UNKNOWN,
  LOOP,
  MAX_TARGET_CHARACTERS,
  NO_SUCH_ENDPOINT,
  routeErrorReply,
  sendErrorReply,
  TARGET_TOO_LONG,
  TWO_HOSTS,
  WRITE_REFUSED,
  type ErrorReply,
} from './oci-error-reply.ts'
import { sendOptions, sendPing, sendPingRedirect } from './plain-replies.ts'
import { isLoop, viaOf } from './request-loop.ts'
import { serveList, type ListDeps } from './serve-list.ts'
import { servePull, type PullDeps, type PullInit } from './serve-pull.ts'

/** Replies to one request. Resolves once it has, or once the client is gone; never rejects. */
export type RequestHandler = (request: IncomingMessage, response: ServerResponse) => Promise<void>

/** What {@link createRequestHandler} works with. */
export interface RequestHandlerDeps extends PullDeps, ListDeps {
  readonly upstreams: UpstreamTable
}

/** What a request handler is fixed to. */
export interface RequestHandlerInit extends PullInit {
  /** The upstream of requests that name none, where it isn't the default. */
  readonly upstream: string | undefined
  /** By what this node's own requests are known again; undefined when they aren't. */
  readonly loopId: string | undefined
}

/** A request that asks for nothing that we could look for. */
interface RefusedRequest {
  readonly kind: 'refused'
  readonly error: ErrorReply
}

type HandledRoute = Route | RefusedRequest | { readonly kind: 'options' }

/** Makes the handler of a pull mirror's part of the distribution API (distribution-spec 1.1, "Endpoints"). */
export function createRequestHandler(deps: RequestHandlerDeps, init: RequestHandlerInit): RequestHandler {
  return async (request, response) => {
    if (!isEndKnown(request)) response.shouldKeepAlive = false
    const route = readRequest(request, deps, init)
    await reply(request, response, route, deps, init)
    // A client that hung up before its reply began has had no status.
    if (!response.headersSent) return
    deps.metrics.requests.add(1, { kind: kindOf(route), status: statusClass(response.statusCode) })
  }
}

/** Whether a request with this method is one that a mirror answers. */
export function isRead(method: string | undefined): boolean {
  return method === 'GET' || method === 'HEAD'
}

function readRequest(
  request: IncomingMessage,
  { upstreams, log }: RequestHandlerDeps,
  { loopId, upstream }: RequestHandlerInit,
): HandledRoute {
  const { method, url: target = '', headers } = request
  if (hasTwoHosts(request)) return refused(TWO_HOSTS)
  if (isStrangelyCoded(request)) return refused(CODING_UNKNOWN)
  if (method === 'OPTIONS') return { kind: 'options' }
  if (!isRead(method)) return refused(WRITE_REFUSED)
  if (target.length > MAX_TARGET_CHARACTERS) return refused(TARGET_TOO_LONG)
  if (loopId !== undefined && isLoop(viaOf(headers), loopId)) {
    log.warn({ method, status: LOOP.status, path: target.split('?', 1)[0] }, 'request loop')
    return refused(LOOP)
  }
  try {
    return parseRoute(target, upstreams, { host: headers.host, upstream })
  } catch (err) {
    const error = routeErrorReply(err)
    log.debug({ method, status: error.status, err }, 'request refused')
    return refused(error)
  }
}

/**
 * Whether it is sure where the next request on the connection begins. After `Expect`, the client decides whether the body
 * comes when it has been refused.
 */
function isEndKnown(request: IncomingMessage): boolean {
  return request.headers.expect === undefined && !isStrangelyCoded(request)
}

// Node's parser passes over codings that it doesn't know, and so may find an end where others find none.
function isStrangelyCoded({ headers }: IncomingMessage): boolean {
  const coding = headers['transfer-encoding']
  return coding !== undefined && coding.trim().toLowerCase() !== 'chunked'
}

// Node keeps the first of several and says nothing.
function hasTwoHosts({ rawHeaders }: IncomingMessage): boolean {
  let hosts = 0
  for (let index = 0; index < rawHeaders.length; index += 2) {
    if (rawHeaders[index]?.toLowerCase() === 'host') hosts += 1
  }
  return hosts > 1
}

function refused(error: ErrorReply): RefusedRequest {
  return { kind: 'refused', error }
}

function kindOf({ kind }: HandledRoute): 'manifest' | 'blob' | 'list' | 'other' {
  if (kind === 'manifest' || kind === 'blob') return kind
  return kind === 'tags' || kind === 'referrers' ? 'list' : 'other'
}

async function reply(
  request: IncomingMessage,
  response: ServerResponse,
  route: HandledRoute,
  deps: RequestHandlerDeps,
  init: RequestHandlerInit,
): Promise<void> {
  switch (route.kind) {
    case 'manifest':
    case 'blob':
      await servePull(request, response, route, deps, init)
      return
    case 'tags':
    case 'referrers':
      await serveList(request, response, route, deps, init.manifestTimeoutMs)
      return
    case 'ping':
      sendPing(response)
      return
    case 'ping-without-slash':
      sendPingRedirect(response, route.location)
      return
    case 'options':
      sendOptions(response)
      return
    case 'unknown':
      sendErrorReply(response, NO_SUCH_ENDPOINT)
      return
    case 'refused':
      sendErrorReply(response, route.error)
  }
}
