import { buildLayer, type BuiltLayer, type LayerSpec } from './build-layer.ts'
import { builtJson, type BuiltArtifact, type BuiltContent } from './built-content.ts'
import { MEDIA_TYPES, type ImageFormat, type LayerCompression } from './media-types.ts'

/** What an image runs on, in the words of Go (image-spec 1.1, config.md). */
export interface Platform {
  readonly os: string
  readonly architecture: string
}

/** What an image is made from; plain data, so that it can be sent to another process. */
export interface ImageSpec {
  /** Images with different seeds share no layer but those in `sharedLayers`. */
  readonly seed: number
  /** Bytes in the files of each layer of this image's own, from the bottom up. */
  readonly layerBytes: readonly number[]
  /** Layers below its own, taken from {@link layerSpecsOf} another image. @default none */
  readonly sharedLayers?: readonly LayerSpec[]
  /** @default {@link DEFAULT_PLATFORM} */
  readonly platform?: Platform
  /** @default oci */
  readonly format?: ImageFormat
  /** @default gzip */
  readonly compression?: LayerCompression
}

/** A single-platform image, complete. */
export interface BuiltImage extends BuiltArtifact {
  readonly platform: Platform
  readonly format: ImageFormat
  readonly config: BuiltContent
  /** From the bottom up. */
  readonly layers: readonly BuiltLayer[]
}

/** The platform of images that don't say one. */
export const DEFAULT_PLATFORM: Platform = { os: 'linux', architecture: 'amd64' }

// Any fixed moment will do; clients print it as the image's age.
const CREATED = '2026-01-01T00:00:00Z'

/** Lists what an image's layers are made from, from the bottom up; pass some to another image to share them. */
export function layerSpecsOf(spec: ImageSpec): readonly LayerSpec[] {
  const own = spec.layerBytes.map((sizeBytes, index) => ({ seed: `${spec.seed}/${index}`, sizeBytes }))
  return [...(spec.sharedLayers ?? []), ...own]
}

/**
 * Builds an image that real clients pull and unpack: tar layers, a config with the layers' diff ids, a manifest
 * (image-spec 1.1, manifest.md and config.md). The same spec gives the same digests.
 */
export async function buildImage(spec: ImageSpec): Promise<BuiltImage> {
  const { platform = DEFAULT_PLATFORM, format = 'oci', compression = 'gzip' } = spec
  const layers: BuiltLayer[] = []
  for (const layer of layerSpecsOf(spec)) layers.push(await buildLayer(layer, { format, compression }))
  return assembleImage(layers, platform, format)
}

/** Makes an image of layers that are there already, from the bottom up. */
export function assembleImage(
  layers: readonly BuiltLayer[],
  platform: Platform = DEFAULT_PLATFORM,
  format: ImageFormat = 'oci',
): BuiltImage {
  const config = buildConfig(platform, format, layers)
  const manifest = builtJson(
    {
      schemaVersion: 2,
      mediaType: MEDIA_TYPES[format].manifest,
      config: descriptorJson(config),
      layers: layers.map(descriptorJson),
    },
    MEDIA_TYPES[format].manifest,
  )
  const contents = new Map(
    [manifest, config, ...layers].map((content) => [content.descriptor.digest, content]),
  )
  return { manifest, contents, platform, format, config, layers }
}

function buildConfig(platform: Platform, format: ImageFormat, layers: readonly BuiltLayer[]): BuiltContent {
  const value = {
    created: CREATED,
    ...platform,
    config: {},
    rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
    history: layers.map(({ spec }) => ({ created: CREATED, created_by: `layer ${spec.seed}` })),
  }
  return builtJson(value, MEDIA_TYPES[format].config)
}

/** The form that a descriptor has inside a manifest (image-spec 1.1, descriptor.md). */
export function descriptorJson({ descriptor }: BuiltContent): object {
  return { mediaType: descriptor.mediaType, digest: descriptor.digest, size: descriptor.sizeBytes }
}
