import type { IncomingMessage, ServerResponse } from 'node:http'
import {
  LayermeshError,
  RangeUnsatisfiableError,
  UpstreamNotFoundError,
  type ContentFetcher,
  type Log,
} from '@layermesh/interface'
import { isReferrersTag } from '@layermesh/oci'
import { type AccessPolicy, contentFor, isLocalClient } from './client-access.ts'
import { contentErrorReply, sendErrorReply } from './oci-error-reply.ts'
import { PullReply, type PullReplyDeps } from './pull-reply.ts'
import type { CutBlobs } from './cut-blobs.ts'
import { ExcessiveRangesError } from './excessive-ranges-error.ts'
import { viaOf } from './request-loop.ts'
import { serveBlob, type BlobRoute } from './serve-blob.ts'
import { serveManifest, type ManifestRoute } from './serve-manifest.ts'

/** What {@link servePull} works with. */
export interface PullDeps extends PullReplyDeps {
  readonly content: ContentFetcher
  readonly cutBlobs: CutBlobs
  readonly accessOf: AccessPolicy
  readonly log: Log
}

/** How long a client waits for its reply to begin before it is sent to its registry, in milliseconds. */
export interface PullTimeouts {
  readonly manifestTimeoutMs: number
  readonly blobTimeoutMs: number
}

/** What pulls are fixed to. */
export interface PullInit extends PullTimeouts {
  readonly hideRateLimits: boolean
}

/** Replies to one request for a manifest or blob, in any case and with an error if need be, and says so in the log. */
export async function servePull(
  request: IncomingMessage,
  response: ServerResponse,
  route: ManifestRoute | BlobRoute,
  deps: PullDeps,
  { manifestTimeoutMs, blobTimeoutMs, hideRateLimits }: PullInit,
): Promise<void> {
  const { accessOf, log } = deps
  const access = accessOf(route.upstream, isLocalClient(request.socket))
  const content = contentFor(deps.content, access, viaOf(request.headers))
  const timeoutMs = route.kind === 'manifest' ? manifestTimeoutMs : blobTimeoutMs
  using reply = new PullReply(request, response, timeoutMs, deps)
  try {
    if (route.kind === 'manifest') await serveManifest(reply, route, content)
    else await serveBlob(reply, route, { ...deps, content })
    log.info({ ...subjectOf(route), ...reply.facts }, 'pull served')
  } catch (err) {
    endFailed(err, { reply, response, route, hideRateLimits }, deps)
  }
}

interface FailedPull {
  readonly reply: PullReply
  readonly response: ServerResponse
  readonly route: ManifestRoute | BlobRoute
  readonly hideRateLimits: boolean
}

function endFailed(
  err: unknown,
  { reply, response, route, hideRateLimits }: FailedPull,
  { clock, cutBlobs, log, metrics }: PullDeps,
): void {
  if (reply.isAbandoned) {
    // Runtimes hang up all the time: containerd closes each chunk that it has had enough of.
    metrics.cutReplies.add(1, { by: 'client' })
    log.debug({ ...subjectOf(route), ...reply.facts }, 'client hung up')
    return
  }
  if (reply.hasBegun) {
    if (route.kind === 'blob') cutBlobs.note(route.digest, clock.monotonicMs())
    reply.cut()
    metrics.cutReplies.add(1, { by: 'source' })
    log.warn({ ...subjectOf(route), ...reply.facts, err }, 'reply cut')
    return
  }
  const kind = isFallbackTag(route) ? 'referrers' : route.kind
  sendErrorReply(response, contentErrorReply(err, kind, hideRateLimits))
  log[severityOf(err)]({ ...subjectOf(route), ...reply.facts, err }, 'pull refused')
}

/**
 * Whether a manifest is the list of what refers to another, at a registry that has no such endpoint (distribution-spec 1.1,
 * "Referrers Tag Schema"), or what cosign keeps beside an image by the same scheme.
 */
function isFallbackTag(route: ManifestRoute | BlobRoute): boolean {
  return route.kind === 'manifest' && route.reference.kind === 'tag' && isReferrersTag(route.reference.tag)
}

function severityOf(err: unknown): 'debug' | 'warn' | 'error' {
  if (err instanceof UpstreamNotFoundError || err instanceof RangeUnsatisfiableError) return 'debug'
  if (err instanceof ExcessiveRangesError) return 'debug'
  return err instanceof LayermeshError ? 'warn' : 'error'
}

function subjectOf(route: ManifestRoute | BlobRoute) {
  const { upstream, repository } = route
  return { upstream, repository, reference: referenceOf(route) }
}

function referenceOf(route: ManifestRoute | BlobRoute): string {
  if (route.kind === 'blob') return route.digest
  return route.reference.kind === 'tag' ? route.reference.tag : route.reference.digest
}
