import { digestOf } from '@layermesh/oci'

import { logNormal, wholeNumber, type Random } from './distributions.ts'
import type { BlobRole, TraceBlob, TraceImage } from './trace.ts'

const KiB = 1024
const MB = 1_000_000

/**
 * Sizes of compressed layers: half are below 4 MB and nine in ten below 63 MB, after Zhao et al., Large-Scale Analysis of the
 * Docker Hub Dataset, IEEE CLUSTER 2019 (see docs/eviction.md). A log-normal distribution with these two points has
 * sigma = ln(63 / 4) / 1.2816.
 */
const MEDIAN_LAYER_BYTES = 4 * MB
const LAYER_SIGMA = 2.15
const MAX_LAYER_BYTES = 2000 * MB

/** Makes blobs and images of a trace. What it makes depends on `random` and on `name` only. */
export class Catalog {
  readonly blobs: TraceBlob[] = []
  readonly #random: Random
  readonly #name: string

  constructor(random: Random, name: string) {
    this.#random = random
    this.#name = name
  }

  /** New layers that nobody has yet; between `min` and `max` of them. */
  layers(min: number, max: number): number[] {
    return Array.from({ length: wholeNumber(this.#random, min, max) }, () =>
      this.#add('layer', Math.min(logNormal(this.#random, MEDIAN_LAYER_BYTES, LAYER_SIGMA), MAX_LAYER_BYTES)),
    )
  }

  /** A new image of these layers, with a manifest and a config of its own. */
  image(layers: readonly number[]): TraceImage {
    const manifest = this.#add('manifest', 400 + 150 * layers.length)
    return [manifest, this.#add('config', logNormal(this.#random, 6 * KiB, 0.6)), ...layers]
  }

  #add(role: BlobRole, sizeBytes: number): number {
    const digest = digestOf(Buffer.from(`${this.#name}/${this.blobs.length}`))
    return this.blobs.push({ digest, sizeBytes: Math.ceil(sizeBytes), role }) - 1
  }
}
