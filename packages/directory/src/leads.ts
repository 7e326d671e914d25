import type { LinkClass, Member, PeerId } from '@layermesh/interface'
import type { RendezvousOrder } from './rendezvous.ts'

/** The cluster as one node sees it. */
export interface ClusterView {
  readonly self: Member
  /** Live members without `self`. */
  readonly members: readonly Member[]
}

/** For each scope around a node, the nodes in it, in the order in which they lead: the first is the lead. */
export type LeadChain = Readonly<Record<LinkClass, readonly PeerId[]>>

/**
 * Says who leads for a digest, or for the name of a tag, whose order is given, in the site, the region and the world of a node, and who takes over
 * if they fail.
 *
 * The order of a scope is the cluster's order without those outside the scope. So the lead of the cluster is the
 * lead of its own region and site too, and asking site lead, region lead, cluster lead never leads in a circle.
 */
export function leadChain(order: RendezvousOrder, { self, members }: ClusterView): LeadChain {
  const links = new Map<PeerId, LinkClass>(members.map(({ peer, link }) => [peer, link]))
  links.set(self.peer, 'site')
  const world = order.rank([...links.keys()])
  const region = world.filter((peer) => links.get(peer) !== 'world')
  const site = region.filter((peer) => links.get(peer) === 'site')
  return { site, region, world }
}
