/** Where a node is: a site is one LAN, a region a group of sites. */
export interface Locality {
  readonly region: string
  readonly site: string
}

/** How expensive the link between two nodes is, nearest first. */
export type LinkClass = 'site' | 'region' | 'world'

/** Where a client's bytes came from, seen from the node that served them; also the `source` label of metrics. */
export type ByteSource = 'cache' | LinkClass | 'upstream'

/** An entry of the `sources` setting: the places where a missing blob may be asked for, in order. */
export type SourceScope = LinkClass | 'upstream'

/** Link classes from the nearest to the farthest. */
export const LINK_CLASSES: readonly LinkClass[] = ['site', 'region', 'world']

/** All values of {@link ByteSource}, nearest first. */
export const BYTE_SOURCES: readonly ByteSource[] = ['cache', ...LINK_CLASSES, 'upstream']

/** Returns the link class between two places. Sites of the same name in different regions are different sites. */
export function linkClassOf(a: Locality, b: Locality): LinkClass {
  if (a.region !== b.region) return 'world'
  return a.site === b.site ? 'site' : 'region'
}
