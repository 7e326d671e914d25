import { descriptorJson, type BuiltImage } from './build-image.ts'
import { builtJson, type BuiltArtifact } from './built-content.ts'
import { MEDIA_TYPES, type ImageFormat } from './media-types.ts'

/** A multi-platform image: an index with the images that it lists. */
export interface BuiltIndex extends BuiltArtifact {
  readonly images: readonly BuiltImage[]
}

/** Builds an index over images of different platforms (image-spec 1.1, image-index.md). `format` is the index's own. */
export function buildIndex(images: readonly BuiltImage[], format: ImageFormat = 'oci'): BuiltIndex {
  const manifest = builtJson(
    {
      schemaVersion: 2,
      mediaType: MEDIA_TYPES[format].index,
      manifests: images.map((image) => ({ ...descriptorJson(image.manifest), platform: image.platform })),
    },
    MEDIA_TYPES[format].index,
  )
  const contents = new Map(images.flatMap((image) => [...image.contents]))
  contents.set(manifest.descriptor.digest, manifest)
  return { manifest, contents, images }
}
