/** The speed of a link in each direction, in bytes per second; undefined where nothing holds it back. */
type LinkRate = number | undefined

/** How a link is. */
export interface LinkQuality {
  readonly rateBytesPerSecond: LinkRate
  /** How long anything takes to get to the other end, in each direction. */
  readonly delayMs: number
}

/** One LAN with nodes. */
interface SiteTopology {
  readonly name: string
  /** The link to its region. */
  readonly link: LinkQuality
  readonly nodes: number
  /** The link of each of its nodes. */
  readonly nodeLink: LinkQuality
}

/** Sites that are close to each other. */
interface RegionTopology {
  readonly name: string
  /** The link to the internet. */
  readonly link: LinkQuality
  readonly sites: readonly SiteTopology[]
}

/** A tree of links: the upstream registry and the regions hang off the internet, sites off regions, nodes off sites. */
export interface Topology {
  /** The registry's own link to the internet. */
  readonly upstreamLink: LinkQuality
  /** The link of a cache server, where a contender has one. */
  readonly cacheLink: LinkQuality
  readonly regions: readonly RegionTopology[]
}

/** How many nodes there are in all. */
export function nodeCount({ regions }: Topology): number {
  return regions.flatMap(({ sites }) => sites).reduce((sum, { nodes }) => sum + nodes, 0)
}

/** The same links with `count` nodes, dealt out to the sites one by one. */
export function withNodes(topology: Topology, count: number): Topology {
  const sites = topology.regions.flatMap((region) => region.sites)
  const share = (site: SiteTopology) => Math.ceil((count - sites.indexOf(site)) / sites.length)
  return {
    ...topology,
    regions: topology.regions.map((region) => ({
      ...region,
      sites: region.sites.map((site) => ({ ...site, nodes: Math.max(0, share(site)) })),
    })),
  }
}
