import { contentReply } from './content-reply.ts'
import type { Gate } from './gate.ts'
import type { OriginCatalog } from './origin-catalog.ts'
import { referrersReply, tagsReply } from './list-reply.ts'
import type { OriginRequest } from './origin-request.ts'
import { emptyReply, errorReply, jsonReply, type Reply } from './reply.ts'

const API_VERSION = { 'docker-distribution-api-version': 'registry/2.0' }
const BLOB_TYPE = 'application/octet-stream'

// Stands for the signature in the addresses that storage services sign for one method and a short time.
const SIGNATURE = 'signed-for-get'

/** What {@link answerRegistry} answers from. */
export interface RegistryAnswerDeps {
  readonly catalog: OriginCatalog
  /** Who must be convinced; undefined when anybody may pull. */
  readonly gate: Gate | undefined
  /** Address of the server that blobs are redirected to. */
  readonly cdnUrl: string
}

/** Answers as an honest registry does (distribution-spec 1.1, "Pull", "Listing Tags" and "Listing Referrers"). */
export function answerRegistry(request: OriginRequest, deps: RegistryAnswerDeps): Reply {
  const reply = answer(request, deps)
  return { ...reply, headers: { ...API_VERSION, ...reply.headers } }
}

function answer(request: OriginRequest, { catalog, gate, cdnUrl }: RegistryAnswerDeps): Reply {
  const { method, kind, repository = '', reference = '' } = request
  if (kind === 'token' && gate?.issue !== undefined) return gate.issue(request)
  if (method !== 'GET' && method !== 'HEAD') {
    return errorReply(405, 'UNSUPPORTED', 'this registry is read-only', { allow: 'GET, HEAD' })
  }
  const refusal = gate?.refuse(request)
  if (refusal !== undefined) return refusal
  switch (kind) {
    case 'ping':
      return jsonReply(200, {})
    case 'tags':
      return tagsReply(request, catalog.findTags(repository))
    case 'referrers':
      return referrersReply(request, catalog.findReferrers(repository, reference))
    case 'manifest': {
      const manifest = catalog.findManifest(repository, reference)
      if (manifest === undefined) return errorReply(404, 'MANIFEST_UNKNOWN', `no manifest ${reference}`)
      return contentReply(request, manifest, { mediaType: manifest.descriptor.mediaType, ranges: false })
    }
    case 'redirect':
      if (catalog.findBlob(repository, reference) === undefined) return blobUnknown(reference)
      return emptyReply(307, {
        'content-length': '0',
        location: `${cdnUrl}/${repository}/${reference}?signature=${SIGNATURE}`,
      })
    case 'blob':
      return answerBlob(request, catalog)
    case 'token':
    case 'other':
      return errorReply(404, 'UNSUPPORTED', 'no such endpoint')
  }
}

/**
 * Answers as a storage service behind a registry does: to whoever has a signed address and uses it as it was signed.
 * A request that brings a registry's token along is refused, as S3 does with "Only one auth mechanism allowed".
 */
export function answerCdn(request: OriginRequest, catalog: OriginCatalog): Reply {
  const { method, query, headers } = request
  if (method !== 'GET' || query.get('signature') !== SIGNATURE) {
    return errorReply(403, 'DENIED', 'the signature does not match')
  }
  if (headers.authorization !== undefined)
    return errorReply(400, 'DENIED', 'only one auth mechanism is allowed')
  return answerBlob(request, catalog)
}

function answerBlob(request: OriginRequest, catalog: OriginCatalog): Reply {
  const { repository = '', reference = '' } = request
  const blob = catalog.findBlob(repository, reference)
  return blob === undefined
    ? blobUnknown(reference)
    : contentReply(request, blob, { mediaType: BLOB_TYPE, ranges: true })
}

function blobUnknown(digest: string): Reply {
  return errorReply(404, 'BLOB_UNKNOWN', `no blob ${digest}`)
}
