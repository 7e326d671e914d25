import {
  BlobCorruptError,
  type Descriptor,
  type Digest,
  DigestInvalidError,
  ManifestInvalidError,
  UpstreamProtocolError,
  type UpstreamManifest,
} from '@layermesh/interface'
import {
  digestAlgorithm,
  digestOf,
  isDigestReference,
  manifestMediaType,
  MANIFEST_MEDIA_TYPES,
  parseDigest,
} from '@layermesh/oci'
import { parseByteCount } from './byte-count.ts'
import { isIdentity } from './content-reply.ts'
import type { HttpReply } from './http-transport.ts'

/** The head of a reply, as far as it says what a manifest is. */
export type ManifestHead = Pick<HttpReply, 'asked' | 'header'>

/**
 * What the reply to a HEAD says of a manifest; undefined when it leaves out the digest, the size or a type that we
 * know, and the manifest itself must be asked for. Throws ERR_UPSTREAM_PROTOCOL for a malformed digest.
 */
export function describeManifest(head: ManifestHead, reference: string): Descriptor | undefined {
  const digest = digestOfReply(head, reference)
  const mediaType = mediaTypeOf(head)
  // Of a compressed manifest it is the length of other bytes.
  const sizeBytes = isIdentity(head) ? parseByteCount(head.header('content-length')) : undefined
  if (digest === undefined || sizeBytes === undefined) return undefined
  if (mediaType === undefined || !MANIFEST_MEDIA_TYPES.includes(mediaType)) return undefined
  return { digest, mediaType, sizeBytes }
}

/**
 * Checks the bytes of a manifest against the digest that they were asked for by, or the one that upstream names, and
 * finds out their type. Throws ERR_UPSTREAM_PROTOCOL when they have another digest or are no manifest.
 */
export function verifyManifest(head: ManifestHead, reference: string, bytes: Uint8Array): UpstreamManifest {
  const expected = digestOfReply(head, reference)
  const digest = digestOf(bytes, expected === undefined ? 'sha256' : digestAlgorithm(expected))
  if (expected !== undefined && digest !== expected) {
    throw new UpstreamProtocolError(`${head.asked} was answered with the wrong bytes`, {
      cause: new BlobCorruptError(expected, digest),
    })
  }
  try {
    const mediaType = manifestMediaType(bytes, head.header('content-type'))
    return { digest, mediaType, sizeBytes: bytes.length, bytes }
  } catch (cause) {
    if (!(cause instanceof ManifestInvalidError)) throw cause
    throw new UpstreamProtocolError(`${head.asked} was answered with no usable manifest: ${cause.message}`, {
      cause,
    })
  }
}

/** Who asks by digest knows it; a registry may name the same bytes by another algorithm. */
function digestOfReply(head: ManifestHead, reference: string): Digest | undefined {
  const text = isDigestReference(reference) ? reference : head.header('docker-content-digest')
  if (text === undefined) return undefined
  try {
    return parseDigest(text)
  } catch (cause) {
    if (!(cause instanceof DigestInvalidError)) throw cause
    throw new UpstreamProtocolError(`${head.asked} was answered with a malformed digest`, { cause })
  }
}

function mediaTypeOf(head: ManifestHead): string | undefined {
  return head.header('content-type')?.split(';', 1)[0]?.trim().toLowerCase()
}
