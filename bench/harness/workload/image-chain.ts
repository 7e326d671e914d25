import { seededRandom, type ImageSpec, type LayerSpec } from '@layermesh/testkit'

import { Catalog } from '../../support/catalog.ts'

/** Layers never get smaller than this when a whole image is made smaller. */
const MIN_LAYER_BYTES = 1024

/** What a chain of versions is made from. */
export interface ImageChainInit {
  /** The same seed gives the same digests. */
  readonly seed: number
  /** Of each version, about. */
  readonly sizeBytes: number
  readonly versions: number
}

/** How much of an image is the version's own, and changes with each; the rest is its base and its dependencies. */
const OWN_PART = 0.25

/**
 * Makes an image in several versions. Numbers and sizes of layers are drawn as for the traces of the eviction benchmark, from
 * what Docker Hub holds, and then scaled so that each version has the wanted size. All versions have the same base and
 * dependencies and each has layers of its own above them, as releases do that change code only.
 */
export function imageChain({ seed, sizeBytes, versions }: ImageChainInit): ImageSpec[] {
  const catalog = new Catalog(seededRandom(seed), `chain-${seed}`)
  const layers = (name: string, drawn: readonly number[], totalBytes: number): LayerSpec[] => {
    const sizes = drawn.map((layer) => catalog.blobs[layer]?.sizeBytes ?? 0)
    const sum = sizes.reduce((total, size) => total + size, 0)
    return sizes.map((size, index) => ({
      seed: `${seed}/${name}/${index}`,
      sizeBytes: Math.max(MIN_LAYER_BYTES, Math.round((size / sum) * totalBytes)),
    }))
  }
  const drawn = [...catalog.layers(2, 5), ...catalog.layers(1, 4)]
  const shared = layers('shared', drawn, sizeBytes * (1 - OWN_PART))
  return Array.from({ length: versions }, (_, version) => ({
    seed,
    layerBytes: [],
    sharedLayers: [...shared, ...layers(`v${version + 1}`, catalog.layers(1, 4), sizeBytes * OWN_PART)],
  }))
}
