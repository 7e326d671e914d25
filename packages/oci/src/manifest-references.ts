import { ManifestInvalidError, type Descriptor } from '@layermesh/interface'
import { parseDigest } from './digest.ts'
import { parseManifestDocument } from './manifest-document.ts'

/** What a manifest needs: the next steps of a walk from an index to the blobs of its images. */
export interface ManifestReferences {
  /** Children of an index, in its order. */
  readonly manifests: readonly Descriptor[]
  /** Config and layers of an image, the config first. */
  readonly blobs: readonly Descriptor[]
}

/**
 * Everything that a manifest refers to by digest (image-spec 1.1, manifest.md and image-index.md), without `subject`.
 * Throws ERR_MANIFEST_INVALID, and ERR_DIGEST_INVALID for a digest that we can't verify.
 */
export function referencesOf(bytes: Uint8Array): ManifestReferences {
  const { manifests, config, layers } = parseManifestDocument(bytes)
  return {
    manifests: descriptorList('manifests', manifests),
    blobs: [
      ...(config === undefined ? [] : [descriptor('config', config)]),
      ...descriptorList('layers', layers),
    ],
  }
}

function descriptorList(member: string, value: unknown): Descriptor[] {
  // Go writes an empty list as null.
  if (value === undefined || value === null) return []
  if (!Array.isArray(value)) throw new ManifestInvalidError(`${member} of the manifest is no list`)
  return value.map((element) => descriptor(member, element))
}

function descriptor(member: string, value: unknown): Descriptor {
  const { mediaType, digest, size } = (value ?? {}) as Record<string, unknown>
  if (typeof mediaType !== 'string' || typeof digest !== 'string' || !isSize(size)) {
    throw new ManifestInvalidError(
      `${member} of the manifest has a descriptor without mediaType, digest or size`,
    )
  }
  return { mediaType, digest: parseDigest(digest), sizeBytes: size }
}

function isSize(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}
