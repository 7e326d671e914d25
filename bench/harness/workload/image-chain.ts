import { seededRandom, type ImageSpec, type LayerSpec } from '@layermesh/testkit'

import { Catalog } from '../../support/catalog.ts'

/** Layers never get smaller than this when a whole image is made smaller. */
const MIN_LAYER_BYTES = 1024

/** What a chain of versions is made from. */
export interface ImageChainInit {
  /** The same seed gives the same digests. */
  readonly seed: number
  /** Of the first version, about. */
  readonly sizeBytes: number
  readonly versions: number
}

/**
 * Makes an image in several versions. Numbers and sizes of layers are drawn as for the traces of the eviction benchmark, from
 * what Docker Hub holds, and then scaled so that the first version has the wanted size. Each version has the base and the
 * dependencies of the first and new layers of its own, as a release does that changes code only.
 */
export function imageChain({ seed, sizeBytes, versions }: ImageChainInit): ImageSpec[] {
  const catalog = new Catalog(seededRandom(seed), `chain-${seed}`)
  const sizesOf = (layers: readonly number[]) => layers.map((layer) => catalog.blobs[layer]?.sizeBytes ?? 0)
  const shared = sizesOf([...catalog.layers(2, 5), ...catalog.layers(1, 4)])
  const own = Array.from({ length: versions }, () => sizesOf(catalog.layers(1, 4)))
  const scale = sizeBytes / sum([...shared, ...(own[0] ?? [])])
  // Each version's own layers have the size of the first one's in all: what a release changes is much the same each time.
  const ownBytes = sum(own[0] ?? []) * scale
  const layerSpecs = (name: string, sizes: readonly number[], totalBytes: number): LayerSpec[] =>
    sizes.map((size, index) => ({
      seed: `${seed}/${name}/${index}`,
      sizeBytes: Math.max(MIN_LAYER_BYTES, Math.round((size / sum(sizes)) * totalBytes)),
    }))
  const sharedSpecs = layerSpecs('shared', shared, sum(shared) * scale)
  return own.map((sizes, version) => ({
    seed,
    layerBytes: [],
    sharedLayers: [...sharedSpecs, ...layerSpecs(`v${version + 1}`, sizes, ownBytes)],
  }))
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
