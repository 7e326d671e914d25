import type { IncomingMessage, ServerResponse } from 'node:http'
import {
  LayermeshError,
  RangeUnsatisfiableError,
  UpstreamNotFoundError,
  type ContentFetcher,
  type Log,
} from '@layermesh/interface'
import { type AccessPolicy, contentFor, isLocalClient } from './client-access.ts'
import { contentErrorReply, sendErrorReply } from './oci-error-reply.ts'
import { PullReply, type PullReplyDeps } from './pull-reply.ts'
import { serveBlob, type BlobRoute } from './serve-blob.ts'
import { serveManifest, type ManifestRoute } from './serve-manifest.ts'

/** What {@link servePull} works with. */
export interface PullDeps extends PullReplyDeps {
  readonly content: ContentFetcher
  readonly accessOf: AccessPolicy
  readonly log: Log
}

/** How long a client waits for its reply to begin before it is sent to its registry, in milliseconds. */
export interface PullTimeouts {
  readonly manifestTimeoutMs: number
  readonly blobTimeoutMs: number
}

/** Replies to one request for a manifest or blob, in any case and with an error if need be, and says so in the log. */
export async function servePull(
  request: IncomingMessage,
  response: ServerResponse,
  route: ManifestRoute | BlobRoute,
  deps: PullDeps,
  { manifestTimeoutMs, blobTimeoutMs }: PullTimeouts,
): Promise<void> {
  const { accessOf, log } = deps
  const content = contentFor(deps.content, accessOf(route.upstream, isLocalClient(request.socket)))
  const timeoutMs = route.kind === 'manifest' ? manifestTimeoutMs : blobTimeoutMs
  using reply = new PullReply(request, response, timeoutMs, deps)
  try {
    if (route.kind === 'manifest') await serveManifest(reply, route, content)
    else await serveBlob(reply, route, content)
    log.info({ ...subjectOf(route), ...reply.facts }, 'pull served')
  } catch (err) {
    endFailed(err, reply, response, route, deps)
  }
}

function endFailed(
  err: unknown,
  reply: PullReply,
  response: ServerResponse,
  route: ManifestRoute | BlobRoute,
  { log, metrics }: PullDeps,
): void {
  if (reply.isAbandoned) {
    // Runtimes hang up all the time: containerd closes each chunk that it has had enough of.
    metrics.cutReplies.add(1, { by: 'client' })
    log.debug({ ...subjectOf(route), ...reply.facts }, 'client hung up')
    return
  }
  if (reply.hasBegun) {
    reply.reset()
    metrics.cutReplies.add(1, { by: 'source' })
    log.warn({ ...subjectOf(route), ...reply.facts, err }, 'reply cut')
    return
  }
  sendErrorReply(response, contentErrorReply(err, route.kind))
  log[severityOf(err)]({ ...subjectOf(route), ...reply.facts, err }, 'pull refused')
}

function severityOf(err: unknown): 'debug' | 'warn' | 'error' {
  if (err instanceof UpstreamNotFoundError || err instanceof RangeUnsatisfiableError) return 'debug'
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
