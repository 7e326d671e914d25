import { ManifestInvalidError, type Descriptor } from '@layermesh/interface'
import { parseDigest } from './digest.ts'
import { parseManifestDocument } from './manifest-document.ts'

/** A child of an index. */
export interface IndexChild extends Descriptor {
  /** `os/architecture` or `os/architecture/variant`, as in `linux/arm64/v8`; undefined when the index doesn't say. */
  readonly platform?: string
}

/** What a manifest needs: the next steps of a walk from an index to the blobs of its images. */
export interface ManifestReferences {
  /** Children of an index, in its order. */
  readonly manifests: readonly IndexChild[]
  readonly config?: Descriptor
  /** Layers of an image, in its order. */
  readonly layers: readonly Descriptor[]
}

/**
 * Everything that a manifest refers to by digest (image-spec 1.1, manifest.md and image-index.md), without `subject`.
 * Throws ERR_MANIFEST_INVALID, and ERR_DIGEST_INVALID for a digest that we can't verify.
 */
export function referencesOf(bytes: Uint8Array): ManifestReferences {
  const { manifests, config, layers } = parseManifestDocument(bytes)
  return {
    manifests: list('manifests', manifests).map(indexChild),
    ...(config !== undefined && { config: descriptor('config', config) }),
    layers: list('layers', layers).map((layer) => descriptor('layers', layer)),
  }
}

function list(member: string, value: unknown): readonly unknown[] {
  // Go writes an empty list as null.
  if (value === undefined || value === null) return []
  if (!Array.isArray(value)) throw new ManifestInvalidError(`${member} of the manifest is no list`)
  return value
}

function indexChild(value: unknown): IndexChild {
  const child = descriptor('manifests', value)
  const { os, architecture, variant } = ((value as { platform?: unknown }).platform ?? {}) as Record<
    string,
    unknown
  >
  if (typeof os !== 'string' || typeof architecture !== 'string') return child
  return {
    ...child,
    platform: [os, architecture, variant].filter((part) => typeof part === 'string').join('/'),
  }
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
