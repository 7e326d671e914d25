import type { CopyCounts, LinkClass, PeerId, PeerNetwork } from '@layermesh/interface'

/** Nobody has it. */
export const NO_COPIES: CopyCounts = { site: 0, region: 0, world: 0 }

/** Counts holders by how far away they are; those that aren't members any more don't count. */
export function copyCounts(holders: readonly PeerId[], network: PeerNetwork): CopyCounts {
  if (holders.length === 0) return NO_COPIES
  const counts: Record<LinkClass, number> = { ...NO_COPIES }
  const links = new Map(network.members().map(({ peer, link }) => [peer, link]))
  for (const holder of holders) {
    const link = links.get(holder)
    if (link !== undefined) counts[link]++
  }
  return counts
}
