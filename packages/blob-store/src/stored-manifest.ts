import type { Digest } from '@layermesh/interface'
import { LayermeshError } from '@layermesh/interface'
import { manifestMediaType, MAX_MANIFEST_BYTES, referencesOf } from '@layermesh/oci'
import type { BlobRole } from './eviction-policy.ts'
import { isWholeNumber, parseStoredDigest, parseStoredRecord } from './stored-record.ts'

/** What a manifest needs. */
export interface ManifestReference {
  readonly digest: Digest
  readonly sizeBytes: number
  readonly role: BlobRole
  /** Of a child of an index, as in `linux/arm64/v8`. */
  readonly platform?: string
}

/** A blob that is a manifest or an index. */
export interface StoredManifest {
  readonly mediaType: string
  readonly references: readonly ManifestReference[]
}

/** Whether a blob of this size has to be looked at to know whether it is a manifest. */
export function canBeManifest(sizeBytes: number): boolean {
  return sizeBytes <= MAX_MANIFEST_BYTES
}

/**
 * Reads a blob as a manifest; undefined when it is none. The content decides and not how it was asked for, so that
 * the same comes out when the index has to be made again from the files.
 */
export function parseManifest(bytes: Uint8Array): StoredManifest | undefined {
  try {
    const mediaType = manifestMediaType(bytes)
    const { manifests, config, layers } = referencesOf(bytes)
    return {
      mediaType,
      references: [
        ...manifests.map(({ digest, sizeBytes, platform }) => ({
          ...{ digest, sizeBytes, role: 'manifest' as const },
          ...(platform !== undefined && { platform }),
        })),
        ...(config === undefined ? [] : [{ ...sized(config), role: 'config' as const }]),
        ...layers.map((layer) => ({ ...sized(layer), role: 'layer' as const })),
      ],
    }
  } catch (error) {
    if (error instanceof LayermeshError) return undefined
    throw error
  }
}

/** Writes a manifest's record as it is stored. */
export function storedManifestRecord(manifest: StoredManifest): string {
  const { mediaType, references } = manifest
  return JSON.stringify({
    mediaType,
    references: references.map(({ digest, sizeBytes, role, platform }) => [
      digest,
      sizeBytes,
      role,
      platform,
    ]),
  })
}

/** Reads what {@link storedManifestRecord} wrote; undefined when it makes no sense. */
export function parseStoredManifest(text: string): StoredManifest | undefined {
  const record = parseStoredRecord(text)
  const mediaType = record?.['mediaType']
  const stored = record?.['references']
  if (typeof mediaType !== 'string' || !Array.isArray(stored)) return undefined
  const references: ManifestReference[] = []
  for (const entry of stored as unknown[]) {
    const [digest, sizeBytes, role, platform] = Array.isArray(entry) ? (entry as unknown[]) : []
    const parsed = parseStoredDigest(digest)
    if (parsed === undefined || !isWholeNumber(sizeBytes) || !isRole(role)) return undefined
    references.push({ digest: parsed, sizeBytes, role, ...(typeof platform === 'string' && { platform }) })
  }
  return { mediaType, references }
}

function isRole(value: unknown): value is BlobRole {
  return value === 'manifest' || value === 'config' || value === 'layer'
}

function sized({ digest, sizeBytes }: { readonly digest: Digest; readonly sizeBytes: number }) {
  return { digest, sizeBytes }
}
