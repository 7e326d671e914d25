import type { ImageSpec } from '@layermesh/testkit'

/** How an image of two platforms is cut into layers, in parts of the whole; the first one is the largest. */
const LAYERS = { amd64: [0.3, 0.17, 0.1, 0.07, 0.04, 0.02], arm64: [0.15, 0.08, 0.05, 0.02] } as const

/** An index with two platforms and ten layers, of about `sizeBytes` in all. */
export function leadsImage(seed: number, sizeBytes: number): ImageSpec[] {
  return Object.entries(LAYERS).map(([architecture, parts], index) => ({
    seed: 2 * seed + index,
    layerBytes: parts.map((part) => Math.round(part * sizeBytes)),
    platform: { os: 'linux', architecture },
    compression: 'none',
  }))
}
