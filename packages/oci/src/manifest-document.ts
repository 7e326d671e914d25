import { ManifestInvalidError } from '@layermesh/interface'

/** The largest manifest that is taken, in bytes: what runtimes take (distribution-spec 1.1 asks for at least this much). */
export const MAX_MANIFEST_BYTES = 4 * 1024 * 1024

/** The members of a manifest that we look at; nothing is known of their types. */
export interface ManifestDocument {
  readonly schemaVersion?: unknown
  readonly mediaType?: unknown
  readonly manifests?: unknown
  readonly config?: unknown
  readonly layers?: unknown
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Reads a manifest's JSON object. Throws ERR_MANIFEST_INVALID when it is none, too long, or of schema 1. */
export function parseManifestDocument(bytes: Uint8Array): ManifestDocument {
  if (bytes.byteLength > MAX_MANIFEST_BYTES) {
    throw new ManifestInvalidError(`a manifest has at most ${MAX_MANIFEST_BYTES} bytes`)
  }
  let document: unknown
  try {
    document = JSON.parse(utf8.decode(bytes))
  } catch (cause) {
    throw new ManifestInvalidError('the manifest is no JSON', { cause })
  }
  if (typeof document !== 'object' || document === null || Array.isArray(document)) {
    throw new ManifestInvalidError('the manifest is no JSON object')
  }
  const manifest: ManifestDocument = document
  if (manifest.schemaVersion === 1) {
    throw new ManifestInvalidError('the manifest is of schema 1, which runtimes no longer take')
  }
  return manifest
}
