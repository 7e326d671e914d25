import type { CopyCounts, Digest, Directory, LinkClass, PeerId, PeerNetwork } from '@layermesh/interface'

const NO_COPIES: CopyCounts = { site: 0, region: 0, world: 0 }

/** Counts the copies that other nodes hold. The store is there before the cluster is: until then nobody has any. */
export class CopyCounter {
  #cluster: { readonly directory: Directory; readonly network: PeerNetwork } | undefined

  /** Counts from now on what is known of the cluster. */
  follow(directory: Directory, network: PeerNetwork): void {
    this.#cluster = { directory, network }
  }

  /** How many other nodes hold a blob. */
  of(digest: Digest): CopyCounts {
    if (this.#cluster === undefined) return NO_COPIES
    const { directory, network } = this.#cluster
    return copyCounts(directory.holders(digest), network)
  }
}

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
