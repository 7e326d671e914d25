import { UpstreamProtocolError } from '@layermesh/interface'
import type { HttpReply, HttpRequest, HttpTransport } from './http-transport.ts'

/** How many redirects one request follows at most. */
const MAX_REDIRECTS = 10

const REDIRECT_STATUSES = new Set([301, 302, 303, 307, 308])

/** Where a request goes, and with what. */
export type Hop = Pick<HttpRequest, 'url' | 'headers'>

/**
 * The hop that a redirect asks for. `authorization` is dropped as soon as scheme, host or port differ: it was meant
 * for the registry alone, and storage that finds it beside a presigned URL answers 400. Everything else is kept,
 * `range` above all. Throws ERR_UPSTREAM_PROTOCOL for a `Location` that can't or mustn't be followed.
 */
export function nextHop(from: Hop, location: string | undefined, asked: string): Hop {
  const url = location === undefined ? null : URL.parse(location, from.url.href)
  if (url === null || !['http:', 'https:'].includes(url.protocol)) {
    throw new UpstreamProtocolError(`${asked} was redirected to nowhere`)
  }
  if (from.url.protocol === 'https:' && url.protocol === 'http:') {
    throw new UpstreamProtocolError(`${asked} was redirected from https to http`)
  }
  if (url.username !== '' || url.password !== '') {
    throw new UpstreamProtocolError(`${asked} was redirected with a login`)
  }
  if (url.origin === from.url.origin) return { url, headers: from.headers }
  return {
    url,
    headers: Object.fromEntries(Object.entries(from.headers).filter(([name]) => name !== 'authorization')),
  }
}

/** Sends a request and follows its redirects; throws what {@link HttpTransport.request} and {@link nextHop} throw. */
export async function followRedirects(transport: HttpTransport, request: HttpRequest): Promise<HttpReply> {
  let hop: HttpRequest = request
  for (let followed = 0; ; followed += 1) {
    const reply = await transport.request(hop)
    if (!REDIRECT_STATUSES.has(reply.status)) return reply
    await reply.body.discard()
    if (followed === MAX_REDIRECTS) {
      throw new UpstreamProtocolError(`${reply.asked} was redirected more than ${MAX_REDIRECTS} times`)
    }
    if (hop.body !== undefined)
      throw new UpstreamProtocolError(`${reply.asked} was redirected with a secret in it`)
    const next = nextHop(hop, reply.header('location'), reply.asked)
    // Like `authorization`: who was led away does not come back with it.
    const certificate = next.url.origin === hop.url.origin ? hop.certificate : undefined
    hop = { ...hop, ...next, certificate }
  }
}
