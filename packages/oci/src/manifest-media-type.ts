import { ManifestInvalidError } from '@layermesh/interface'
import { MANIFEST_MEDIA_TYPES, OCI_INDEX, OCI_MANIFEST } from './media-types.ts'
import { parseManifestDocument, type ManifestDocument } from './manifest-document.ts'

/** `type/subtype` without parameters (RFC 6838 §4.2), and nothing that could break out of a header. */
const MEDIA_TYPE = /^[a-z0-9][a-z0-9!#$&^_.+-]{0,126}\/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}$/i
const VENDOR_MEDIA_TYPE = /^application\/vnd\./i

/**
 * The media type to serve a manifest with. The body's own `mediaType` comes first: it is covered by the digest, and
 * clients reject a `Content-Type` that differs from it. Then what upstream declared, unless that says nothing
 * (`text/plain`, `application/json`). Then the shape of the body.
 *
 * Throws ERR_MANIFEST_INVALID for bytes that are no manifest, and for schema 1.
 */
export function manifestMediaType(bytes: Uint8Array, contentType?: string): string {
  const document = parseManifestDocument(bytes)
  const own = document.mediaType
  if (own !== undefined) {
    if (typeof own !== 'string' || !MEDIA_TYPE.test(own)) {
      throw new ManifestInvalidError('the manifest has a mediaType that is no media type')
    }
    return own
  }
  return declaredMediaType(contentType) ?? mediaTypeByShape(document)
}

function declaredMediaType(contentType: string | undefined): string | undefined {
  const declared = contentType?.split(';', 1)[0]?.trim()
  if (declared === undefined || !MEDIA_TYPE.test(declared)) return undefined
  const known = MANIFEST_MEDIA_TYPES.find((mediaType) => mediaType === declared.toLowerCase())
  return known ?? (VENDOR_MEDIA_TYPE.test(declared) ? declared : undefined)
}

function mediaTypeByShape(document: ManifestDocument): string {
  const isImage = document.config !== undefined && document.layers !== undefined
  const isIndex = document.manifests !== undefined
  // Both at once is the confusion of CVE-2021-41190: two clients would read two different images.
  if (isIndex !== isImage) return isIndex ? OCI_INDEX : OCI_MANIFEST
  throw new ManifestInvalidError('the document is neither an index nor an image manifest')
}
