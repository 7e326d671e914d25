import { seededRandom, type ImageSpec, type LayerSpec } from '@layermesh/testkit'

import { Catalog } from '../../support/catalog.ts'

/** Layers never get smaller than this when a whole image is made smaller. */
const MIN_LAYER_BYTES = 1024

/** What a chain of versions is made from. */
export interface ImageChainInit {
  /** The same seed gives the same digests. */
  readonly seed: number
  /** Of each version as it is pulled, about. */
  readonly sizeBytes: number
  /** How much of what is in the layers' files compresses, from 0 to 1. */
  readonly compressiblePart: number
  readonly versions: number
}

/** What gzip and zstd make of the text in layers: a third of its size, about. */
const TEXT_RATIO = 3.2

/** How much of an image is the version's own, and changes with each; the rest is its base and its dependencies. */
const OWN_PART = 0.25

/**
 * Makes an image in several versions. Numbers and sizes of layers are drawn as for the traces of the eviction benchmark, from
 * what Docker Hub holds, and then scaled so that each version has the wanted size. All versions have the same base and
 * dependencies and each has layers of its own above them, as releases do that change code only. The layers below are tar+gzip, as most
 * of what was ever pushed, those of a version tar+zstd, as new builds write them.
 */
export function imageChain({ seed, sizeBytes, compressiblePart, versions }: ImageChainInit): ImageSpec[] {
  const bytesPerFileByte = 1 - compressiblePart + compressiblePart / TEXT_RATIO
  const catalog = new Catalog(seededRandom(seed), `chain-${seed}`)
  const layers = (
    name: string,
    drawn: readonly number[],
    totalBytes: number,
    compression: 'gzip' | 'zstd',
  ): LayerSpec[] => {
    const sizes = drawn.map((layer) => catalog.blobs[layer]?.sizeBytes ?? 0)
    const sum = sizes.reduce((total, size) => total + size, 0)
    return sizes.map((size, index) => ({
      seed: `${seed}/${name}/${index}`,
      sizeBytes: Math.max(MIN_LAYER_BYTES, Math.round(((size / sum) * totalBytes) / bytesPerFileByte)),
      compressiblePart,
      compression,
    }))
  }
  const drawn = [...catalog.layers(2, 5), ...catalog.layers(1, 4)]
  const shared = layers('shared', drawn, sizeBytes * (1 - OWN_PART), 'gzip')
  return Array.from({ length: versions }, (_, version) => ({
    seed,
    layerBytes: [],
    sharedLayers: [
      ...shared,
      ...layers(`v${version + 1}`, catalog.layers(1, 4), sizeBytes * OWN_PART, 'zstd'),
    ],
  }))
}
