import { RangeUnsatisfiableError, type ByteSource, type ContentFetcher } from '@layermesh/interface'
import { contentRange, ifRangeHolds, noneMatchNames, parseRange, type Route } from '@layermesh/oci'
import { contentHeaders } from './content-headers.ts'
import type { PullReply } from './pull-reply.ts'
import { whenStarted } from './send-body.ts'

/** A request for a blob. */
export type BlobRoute = Extract<Route, { kind: 'blob' }>

/**
 * Replies with a blob or one range of it (distribution-spec 1.1, "Pulling blobs"; RFC 9110 §14). Nothing is sent
 * before the first bytes are there. Throws what the fetcher and {@link PullReply.sendBody} throw, and
 * ERR_RANGE_UNSATISFIABLE.
 */
export async function serveBlob(reply: PullReply, route: BlobRoute, content: ContentFetcher): Promise<void> {
  const { upstream, repository, digest } = route
  const ref = { kind: 'blob', upstream, repository, digest } as const
  const { range: rangeHeader, 'if-range': ifRange, 'if-none-match': ifNoneMatch } = reply.requestHeaders
  const options = { signal: reply.signal }
  const isKnownToClient = noneMatchNames(ifNoneMatch, digest)
  if (isKnownToClient || reply.isHead) {
    const { sizeBytes, source } = await content.statBlob(ref, options)
    const headers = isKnownToClient
      ? contentHeaders(digest, source, route.ns)
      : blobHeaders(route, source, sizeBytes)
    reply.begin(isKnownToClient ? 304 : 200, source, headers)
    reply.end()
    return
  }
  await using blob = await content.openBlob(ref, options)
  const { source, sizeBytes } = blob
  const requested = ifRangeHolds(ifRange?.toString(), digest) ? parseRange(rangeHeader, sizeBytes) : 'whole'
  if (requested === 'unsatisfiable') throw new RangeUnsatisfiableError(sizeBytes)
  const range = requested === 'whole' ? { start: 0, end: sizeBytes } : requested
  const lengthBytes = range.end - range.start
  const body = await whenStarted(blob.read(range, options))
  const headers = blobHeaders(route, source, lengthBytes)
  if (requested !== 'whole') headers.push('Content-Range', contentRange(range, sizeBytes))
  reply.begin(requested === 'whole' ? 200 : 206, source, headers)
  await reply.sendBody(body, lengthBytes)
}

// A blob is opaque: its type is in the manifest, and a Content-Encoding would make Go's clients unpack it.
function blobHeaders({ digest, ns }: BlobRoute, source: ByteSource, lengthBytes: number): string[] {
  const headers = contentHeaders(digest, source, ns)
  headers.push('Content-Type', 'application/octet-stream', 'Content-Length', String(lengthBytes))
  headers.push('Accept-Ranges', 'bytes')
  return headers
}
