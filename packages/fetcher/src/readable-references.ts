import { LayermeshError } from '@layermesh/interface'
import { type ManifestReferences, referencesOf } from '@layermesh/oci'

/** What a manifest refers to, as far as that can be read: one of a type that we don't know is served all the same. */
export function readableReferences(bytes: Uint8Array): ManifestReferences {
  try {
    return referencesOf(bytes)
  } catch (error) {
    if (error instanceof LayermeshError) return { manifests: [], layers: [] }
    throw error
  }
}
