import type { IncomingMessage, ServerResponse } from 'node:http'
import {
  type Access,
  LayermeshError,
  UpstreamNotFoundError,
  type Clock,
  type Log,
  type UpstreamLists,
} from '@layermesh/interface'
import { cutTagPage, nextLink, OCI_INDEX, type Route } from '@layermesh/oci'
import { cacheStatus } from './cache-status.ts'
import { type AccessPolicy, isLocalClient } from './client-access.ts'
import { ClientWait } from './client-wait.ts'
import { API_VERSION } from './content-headers.ts'
import { viaOf } from './request-loop.ts'
import { listErrorReply, PAGE_SIZE_INVALID, sendErrorReply } from './oci-error-reply.ts'

/** A request for a list. */
export type ListRoute = Extract<Route, { kind: 'tags' | 'referrers' }>

/** What {@link serveList} works with. */
export interface ListDeps {
  readonly lists: UpstreamLists
  readonly accessOf: AccessPolicy
  readonly clock: Clock
  readonly log: Log
}

/** A page as it goes to the client. */
interface Page {
  readonly contentType: string
  readonly bytes: Uint8Array
  readonly nextQuery: string | undefined
  /** Names and values of what else it says of itself. */
  readonly headers: readonly string[]
}

/**
 * Replies to one request for a list, which is always upstream's: a list that is made of what is known here would hide
 * tags and signatures. In any case there is a reply within `timeoutMs`, and a line in the log when it is an error.
 */
export async function serveList(
  request: IncomingMessage,
  response: ServerResponse,
  route: ListRoute,
  { lists, accessOf, clock, log }: ListDeps,
  timeoutMs: number,
): Promise<void> {
  if (route.kind === 'tags' && !isPageSize(new URLSearchParams(route.query).get('n'))) {
    sendErrorReply(response, PAGE_SIZE_INVALID)
    return
  }
  const access = accessOf(route.upstream, isLocalClient(request.socket))
  using wait = new ClientWait(request, timeoutMs, clock)
  try {
    const page = await getPage({ ...route, access, via: viaOf(request.headers) }, lists, wait.signal)
    wait.begin()
    sendPage(response, route, page)
  } catch (err) {
    if (wait.isAbandoned) return
    sendErrorReply(response, listErrorReply(err, route.kind))
    const { upstream, repository, kind } = route
    log[severityOf(err)]({ upstream, repository, kind, status: response.statusCode, err }, 'list refused')
  }
}

function isPageSize(n: string | null): boolean {
  return n === null || /^\d{1,9}$/.test(n)
}

async function getPage(
  route: ListRoute & { readonly access: Access },
  lists: UpstreamLists,
  signal: AbortSignal,
): Promise<Page> {
  const { query, repository } = route
  if (route.kind === 'referrers') {
    const { filtersApplied, ...page } = await lists.getReferrers(route, route.digest, query, { signal })
    const headers = filtersApplied === undefined ? [] : ['OCI-Filters-Applied', filtersApplied]
    return { ...page, contentType: OCI_INDEX, headers }
  }
  const { tags, nextQuery } = cutTagPage(await lists.getTags(route, query, { signal }), query)
  const bytes = Buffer.from(JSON.stringify({ name: repository, tags }))
  return { bytes, nextQuery, contentType: 'application/json', headers: [] }
}

function sendPage(response: ServerResponse, route: ListRoute, page: Page): void {
  const { ns } = route
  response.writeHead(200, [
    ...API_VERSION,
    ...['Cache-Status', cacheStatus('upstream')],
    ...['Content-Type', page.contentType, 'Content-Length', String(page.bytes.byteLength)],
    ...page.headers,
    ...(page.nextQuery === undefined ? [] : ['Link', nextLink(linkTarget(route, page.nextQuery))]),
    ...(ns === undefined ? [] : ['OCI-Namespace', ns]),
  ])
  response.end(page.bytes)
}

/** The next page as the client has to ask for it: with its own prefix, and with the `ns` that upstream knows nothing of. */
function linkTarget({ path, ns }: ListRoute, nextQuery: string): string {
  const parameters = new URLSearchParams(nextQuery)
  if (ns !== undefined) parameters.append('ns', ns)
  return `${path}?${parameters.toString()}`
}

function severityOf(err: unknown): 'debug' | 'warn' | 'error' {
  if (err instanceof UpstreamNotFoundError) return 'debug'
  return err instanceof LayermeshError ? 'warn' : 'error'
}
