import type { ByteSource, Locality } from '@layermesh/interface'

import type { Trace } from '../support/trace.ts'
import { median } from '../support/statistics.ts'

/** Nodes of each site: two sites in each of two regions. */
export const SITE_SIZES: readonly number[] = [3, 3, 3, 3]

export const NODES: readonly Locality[] = SITE_SIZES.flatMap((size, site) =>
  Array.from({ length: size }, () => ({ region: `region-${site >> 1}`, site: `site-${site}` })),
)

/** What a byte costs by its link: what the comparison weighs re-fetched bytes with. */
export const LINK_COST: Readonly<Record<ByteSource, number>> = {
  cache: 0,
  site: 1,
  region: 3,
  world: 10,
  upstream: 20,
}

/** The first week fills the caches and isn't counted. */
export const COUNT_FROM_MS = 7 * 24 * 3_600_000

/** Size of all that a node pulls, each blob once: the median over the nodes. A node with this budget never evicts. */
export function bytesPulledByNode({ pulls, blobs }: Trace): number {
  const pulled = NODES.map(() => new Set<number>())
  for (const { node, image } of pulls) for (const blob of image) pulled[node]?.add(blob)
  return median(pulled.map((set) => [...set].reduce((sum, blob) => sum + (blobs[blob]?.sizeBytes ?? 0), 0)))
}
