import type { LinkQuality, Topology } from './topology.ts'

/** What kind of border a link crosses. */
export const LINK_KINDS = ['upstream', 'region', 'site', 'node', 'cache'] as const
export type LinkKind = (typeof LINK_KINDS)[number]

/** Where processes run: a machine, with an address of its own. */
export interface PlannedPlace {
  readonly name: string
  readonly address: string
  readonly region: string
  readonly site: string
}

/** A link of the tree. Its upper end is the one towards the internet. */
export interface PlannedLink extends LinkQuality {
  readonly name: string
  readonly kind: LinkKind
  /** The switch at the upper end. */
  readonly upper: string
  /** What is at the lower end: a switch or a place. */
  readonly lower: string
  /** Names of the nodes below. Content reaches them over this link; over that of the upstream it comes up from below. */
  readonly nodes: readonly string[]
}

/** Everything of a topology that has to be made. */
export interface NetworkPlan {
  readonly switches: readonly string[]
  readonly upstream: PlannedPlace
  readonly nodes: readonly PlannedPlace[]
  /** Where a central cache stands: in the first region, beside its sites. */
  readonly centralCache: PlannedPlace
  /** Where each site's own cache stands. */
  readonly siteCaches: readonly PlannedPlace[]
  readonly links: readonly PlannedLink[]
}

const CORE = 'internet'

/** Plans switches, places and links. The second and third number of an address are those of region and site. */
export function planNetwork(topology: Topology): NetworkPlan {
  const switches = [CORE]
  const links: PlannedLink[] = []
  const nodes: PlannedPlace[] = []
  const siteCaches: PlannedPlace[] = []
  const { cacheLink, upstreamLink } = topology
  const link = (
    kind: LinkKind,
    upper: string,
    lower: string,
    quality: LinkQuality,
    nodes: readonly string[],
  ) => links.push({ name: `${kind}:${lower}`, kind, upper, lower, ...quality, nodes })

  topology.regions.forEach((region, regionIndex) => {
    const regionSwitch = `region-${region.name}`
    const nodesBefore = nodes.length
    switches.push(regionSwitch)
    region.sites.forEach((site, siteIndex) => {
      const siteSwitch = `site-${site.name}`
      const at = { region: region.name, site: site.name }
      const address = (host: number) => `10.${regionIndex + 1}.${siteIndex + 1}.${host}`
      switches.push(siteSwitch)
      const ofSite = Array.from({ length: site.nodes }, (_, index) => ({
        name: `${site.name}-${index + 1}`,
        address: address(index + 10),
        ...at,
      }))
      nodes.push(...ofSite)
      link('site', regionSwitch, siteSwitch, site.link, ofSite.map(nameOf))
      for (const node of ofSite) link('node', siteSwitch, node.name, site.nodeLink, [node.name])
      const cache = { name: `${site.name}-cache`, address: address(2), ...at }
      siteCaches.push(cache)
      link('cache', siteSwitch, cache.name, cacheLink, [])
    })
    link('region', CORE, regionSwitch, region.link, nodes.slice(nodesBefore).map(nameOf))
  })

  const first = topology.regions[0]?.name ?? ''
  const centralCache = { name: 'central-cache', address: '10.1.0.2', region: first, site: '' }
  link('cache', `region-${first}`, centralCache.name, cacheLink, [])
  const upstream = { name: 'upstream', address: '10.0.0.2', region: '', site: '' }
  link('upstream', CORE, upstream.name, upstreamLink, nodes.map(nameOf))
  return { switches, upstream, nodes, centralCache, siteCaches, links }
}

function nameOf({ name }: PlannedPlace): string {
  return name
}
