import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'

/**
 * What a request is for. `redirect` is a request for a blob that is answered with another place to ask;
 * the request there is of the kind `blob`, as is one that is answered with the bytes at once.
 */
export type RequestKind = 'ping' | 'token' | 'tags' | 'referrers' | 'manifest' | 'blob' | 'redirect' | 'other'

/** Which of the origin's two servers was asked. */
export type OriginServer = 'registry' | 'cdn'

/** A request as the origin understood it. */
export interface OriginRequest {
  readonly server: OriginServer
  readonly method: string
  /** Path and query string as sent. */
  readonly path: string
  readonly query: URLSearchParams
  readonly headers: IncomingHttpHeaders
  /** What a POST brought in its body (`application/x-www-form-urlencoded`). */
  readonly form?: URLSearchParams
  readonly kind: RequestKind
  readonly repository?: string
  /** Tag or digest of a manifest, digest of a blob or of what is referred to. */
  readonly reference?: string
}

// Anchored, and greedy up to the last `/manifests/`, `/blobs/` or `/referrers/`: a repository may have components of these names.
// Written anew and not taken from the mirror's own parser: a shared mistake would not show.
const CONTENT_PATH =
  /^\/v2\/(?<repository>.+)\/(?<collection>manifests|blobs|referrers)\/(?<reference>[^/]+)$/
const KINDS: Readonly<Record<string, RequestKind>> = { manifests: 'manifest', referrers: 'referrers' }
const TAGS_PATH = /^\/v2\/(?<repository>.+)\/tags\/list$/
const CDN_PATH = /^\/(?<repository>.+)\/(?<reference>[^/]+)$/

/** Understands a request to the registry. With `redirectBlobs`, a GET of a blob is one for a redirect. */
export function parseRegistryRequest(incoming: IncomingMessage, redirectBlobs: boolean): OriginRequest {
  const { pathname, ...request } = basicsOf(incoming, 'registry')
  if (pathname === '/v2/' || pathname === '/v2') return { ...request, kind: 'ping' }
  if (pathname === '/token') return { ...request, kind: 'token' }
  const tags = TAGS_PATH.exec(pathname)?.groups
  if (tags !== undefined) return { ...request, kind: 'tags', ...pick(tags) }
  const content = CONTENT_PATH.exec(pathname)?.groups
  if (content === undefined) return { ...request, kind: 'other' }
  const { collection = '' } = content
  const kind = KINDS[collection] ?? (redirectBlobs && request.method === 'GET' ? 'redirect' : 'blob')
  return { ...request, kind, ...pick(content) }
}

/** Understands a request to the server that blobs are redirected to. */
export function parseCdnRequest(incoming: IncomingMessage): OriginRequest {
  const { pathname, ...request } = basicsOf(incoming, 'cdn')
  const groups = CDN_PATH.exec(pathname)?.groups
  return groups === undefined ? { ...request, kind: 'other' } : { ...request, kind: 'blob', ...pick(groups) }
}

/** Reads the form that a POST brings, from the moment when it arrives; undefined for any other request. */
export async function readForm(incoming: IncomingMessage): Promise<URLSearchParams | undefined> {
  if (incoming.method !== 'POST') return undefined
  const chunks: Buffer[] = []
  incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
  await new Promise((resolve) => incoming.once('close', resolve))
  return new URLSearchParams(Buffer.concat(chunks).toString())
}

function basicsOf(incoming: IncomingMessage, server: OriginServer) {
  const { method = 'GET', url: path = '/', headers } = incoming
  const url = URL.parse(path, 'http://origin')
  // Some clients escape the colon of a digest.
  const pathname = (url?.pathname ?? path).replaceAll(/%3a/gi, ':')
  return { server, method, path, query: url?.searchParams ?? new URLSearchParams(), headers, pathname }
}

function pick(groups: Record<string, string>) {
  const { repository = '', reference } = groups
  return reference === undefined ? { repository } : { repository, reference }
}
