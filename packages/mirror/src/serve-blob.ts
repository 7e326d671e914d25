import {
  RangeUnsatisfiableError,
  type ByteRange,
  type ByteSource,
  type Clock,
  type ContentFetcher,
  type FetchedBlob,
} from '@layermesh/interface'
import {
  contentRange,
  ifRangeHolds,
  noneMatchNames,
  parseRange,
  type RequestedRanges,
  type Route,
} from '@layermesh/oci'
import { contentHeaders } from './content-headers.ts'
import type { CutBlobs } from './cut-blobs.ts'
import { ExcessiveRangesError } from './excessive-ranges-error.ts'
import { multipartRanges } from './multipart-ranges.ts'
import type { PullReply } from './pull-reply.ts'
import { whenStarted } from './send-body.ts'

/** A request for a blob. */
export type BlobRoute = Extract<Route, { kind: 'blob' }>

/** What {@link serveBlob} works with. */
export interface ServeBlobDeps {
  readonly content: ContentFetcher
  readonly cutBlobs: CutBlobs
  readonly clock: Clock
}

/** A reply with bytes of a blob, ready to be sent. */
interface BlobBody {
  readonly status: 200 | 206
  readonly headers: readonly string[]
  readonly lengthBytes: number
  readonly bytes: AsyncIterable<Uint8Array>
}

/** Nothing is known of the size yet; all that counts is where the ranges begin. */
const ANY_SIZE_BYTES = Number.MAX_SAFE_INTEGER

/**
 * Replies with a blob or ranges of it (distribution-spec 1.1, "Pulling blobs"; RFC 9110 §14). Nothing is sent
 * before the first bytes are there. Throws what the fetcher and {@link PullReply.sendBody} throw,
 * ERR_RANGE_UNSATISFIABLE, and {@link ExcessiveRangesError}.
 */
export async function serveBlob(reply: PullReply, route: BlobRoute, deps: ServeBlobDeps): Promise<void> {
  const { content, cutBlobs, clock } = deps
  const { upstream, repository, digest } = route
  const ref = { kind: 'blob', upstream, repository, digest } as const
  const { range, 'if-range': ifRange, 'if-none-match': ifNoneMatch } = reply.requestHeaders
  const options = { signal: reply.signal }
  const isKnownToClient = noneMatchNames(ifNoneMatch, digest)
  if (isKnownToClient || reply.isHead) {
    const { sizeBytes, source } = await content.statBlob(ref, options)
    const headers = isKnownToClient
      ? contentHeaders(digest, source, route.ns)
      : blobHeaders(route, source, wholeHeaders(sizeBytes))
    reply.begin(isKnownToClient ? 304 : 200, source, headers)
    reply.end()
    return
  }
  const rangeHeader = ifRangeHolds(ifRange?.toString(), digest) ? range : undefined
  // Whoever comes back for the rest after we have broken off gets it from here only if there is nothing left to go wrong.
  const heldOnly = cutBlobs.has(digest, clock.monotonicMs()) && beginsInside(rangeHeader)
  await using blob = await content.openBlob(ref, { ...options, heldOnly })
  const body = await bodyOf(blob, rangeHeader, route, options)
  reply.begin(body.status, blob.source, body.headers)
  await reply.sendBody(body.bytes, body.lengthBytes)
}

function beginsInside(rangeHeader: string | undefined): boolean {
  const requested = parseRange(rangeHeader, ANY_SIZE_BYTES)
  return typeof requested === 'object' && requested.ranges.every(({ start }) => start > 0)
}

async function bodyOf(
  blob: FetchedBlob,
  rangeHeader: string | undefined,
  route: BlobRoute,
  options: { readonly signal: AbortSignal },
): Promise<BlobBody> {
  const { sizeBytes, source } = blob
  const requested = parseRange(rangeHeader, sizeBytes)
  if (requested === 'unsatisfiable') throw new RangeUnsatisfiableError(sizeBytes)
  if (requested === 'excessive') throw new ExcessiveRangesError()
  const [first] = rangesOf(requested, sizeBytes)
  const started = await whenStarted(blob.read(first, options))
  if (requested === 'whole') {
    const headers = blobHeaders(route, source, wholeHeaders(sizeBytes))
    return { status: 200, headers, lengthBytes: sizeBytes, bytes: started }
  }
  if (!requested.isMultiple) {
    const lengthBytes = first.end - first.start
    const range = ['Content-Range', contentRange(first, sizeBytes)]
    const headers = blobHeaders(route, source, [...wholeHeaders(lengthBytes), ...range])
    return { status: 206, headers, lengthBytes, bytes: started }
  }
  const { contentType, lengthBytes, body } = multipartRanges(route.digest, sizeBytes, requested.ranges)
  const headers = blobHeaders(route, source, typeAndLength(contentType, lengthBytes))
  const bytes = body((range) => (range === first ? started : blob.read(range, options)))
  return { status: 206, headers, lengthBytes, bytes }
}

function rangesOf(
  requested: RequestedRanges | 'whole',
  sizeBytes: number,
): readonly [ByteRange, ...ByteRange[]] {
  return requested === 'whole' ? [{ start: 0, end: sizeBytes }] : requested.ranges
}

// A blob is opaque: its type is in the manifest, and a Content-Encoding would make Go's clients unpack it.
function wholeHeaders(lengthBytes: number): readonly string[] {
  return typeAndLength('application/octet-stream', lengthBytes)
}

function typeAndLength(contentType: string, lengthBytes: number): readonly string[] {
  return ['Content-Type', contentType, 'Content-Length', String(lengthBytes)]
}

function blobHeaders(
  { digest, ns }: BlobRoute,
  source: ByteSource,
  others: readonly string[],
): readonly string[] {
  return [...contentHeaders(digest, source, ns), ...others, 'Accept-Ranges', 'bytes']
}
