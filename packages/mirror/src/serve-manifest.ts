import {
  ContentUnavailableError,
  type ByteSource,
  type ContentFetcher,
  type Descriptor,
  type Digest,
} from '@layermesh/interface'
import { acceptsManifest, noneMatchNames, type Route } from '@layermesh/oci'
import { contentHeaders } from './content-headers.ts'
import type { PullReply } from './pull-reply.ts'

/** A request for a manifest. */
export type ManifestRoute = Extract<Route, { kind: 'manifest' }>

/** What the head of a reply says. */
interface SourcedDescriptor extends Descriptor {
  readonly source: ByteSource
}

/**
 * Replies with a manifest (distribution-spec 1.1, "Pulling manifests"). A HEAD by tag is answered from what the tag
 * points to, without the manifest. Throws what the fetcher and {@link PullReply.sendBody} throw, and
 * ERR_CONTENT_UNAVAILABLE when the client would misread what the tag points to.
 */
export async function serveManifest(
  reply: PullReply,
  route: ManifestRoute,
  content: ContentFetcher,
): Promise<void> {
  const { reference } = route
  if (reference.kind === 'digest') {
    await serveByDigest(reply, route, reference.digest, content)
    return
  }
  const { upstream, repository } = route
  const resolved = await content.resolveTag(
    { upstream, repository, tag: reference.tag },
    { signal: reply.signal },
  )
  if (!acceptsManifest(reply.requestHeaders.accept, resolved.mediaType)) {
    throw new ContentUnavailableError('the tag is an index, and the client takes manifests of one image only')
  }
  if (!sentHeadOnly(reply, route, resolved)) await serveByDigest(reply, route, resolved.digest, content)
}

async function serveByDigest(
  reply: PullReply,
  route: ManifestRoute,
  digest: Digest,
  content: ContentFetcher,
): Promise<void> {
  const { upstream, repository, ns } = route
  const ref = { kind: 'manifest', upstream, repository, digest } as const
  const manifest = await content.getManifest(ref, { signal: reply.signal })
  if (sentHeadOnly(reply, route, manifest)) return
  reply.begin(200, manifest.source, manifestHeaders(manifest, ns))
  await reply.sendBody([manifest.bytes], manifest.bytes.byteLength)
}

/** Replies when no body is wanted: to a client that has the manifest, and to HEAD. */
function sentHeadOnly(reply: PullReply, { ns }: ManifestRoute, manifest: SourcedDescriptor): boolean {
  if (noneMatchNames(reply.requestHeaders['if-none-match'], manifest.digest)) {
    reply.begin(304, manifest.source, contentHeaders(manifest.digest, manifest.source, ns))
  } else if (reply.isHead) {
    reply.begin(200, manifest.source, manifestHeaders(manifest, ns))
  } else {
    return false
  }
  reply.end()
  return true
}

// The media type goes out exactly as it is, without parameters: runtimes compare it with what the body says.
function manifestHeaders(
  { digest, mediaType, sizeBytes, source }: SourcedDescriptor,
  ns: string | undefined,
): string[] {
  const headers = contentHeaders(digest, source, ns)
  headers.push('Content-Type', mediaType, 'Content-Length', String(sizeBytes))
  return headers
}
