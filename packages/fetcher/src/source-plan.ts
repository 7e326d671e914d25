import {
  LINK_CLASSES,
  type LinkClass,
  type Member,
  type PeerId,
  type SourceScope,
} from '@layermesh/interface'

/** A place where a missing blob may be asked for. */
export type Source =
  /** A peer that has announced the blob: it gives what it has and never goes further. */
  | { readonly kind: 'holder'; readonly peer: PeerId; readonly link: LinkClass }
  /** A peer that comes before this node in rendezvous order: it gets the blob if it must. */
  | { readonly kind: 'lead'; readonly peer: PeerId; readonly link: LinkClass; readonly scope: LinkClass }
  /** A peer that waits for this node, and has pieces that this node lacks: it gives those, and waits for nothing. */
  | { readonly kind: 'follower'; readonly peer: PeerId; readonly link: LinkClass }
  | { readonly kind: 'upstream' }

/** A source that gets the blob if it must. */
export type Lead = Extract<Source, { kind: 'lead' }>

/** What the plan is made from: the cluster as this node sees it now. */
export interface SourcePlanInput {
  /** The setting `sources`: scopes in the order in which they are to be asked. */
  readonly sources: readonly SourceScope[]
  readonly self: PeerId
  readonly members: readonly Member[]
  /** Members that have announced the blob; the order among equally near ones is kept. */
  readonly holders: readonly PeerId[]
  /** Members that wait for this node and have pieces that it lacks, those with the most first. */
  readonly followers: readonly PeerId[]
  /** For each scope, the nodes of that scope in rendezvous order, this node included. */
  readonly leads: Readonly<Record<LinkClass, readonly PeerId[]>>
}

/** How many leads of one scope are tried before this node goes further out by itself. */
export const MAX_LEADS_PER_SCOPE = 8

/**
 * Lists the sources of a blob in the order in which to try them. In each scope those that hold it come first, then
 * the lead of the scope, and those next in rendezvous order should it fail; then those that wait for this node and have
 * more of it. A node that is the lead itself, or next in order after leads that failed, goes on to the next scope.
 *
 * Who is asked as a lead always comes before this node in rendezvous order, which is the same for every node however
 * the views of the cluster differ: so no two nodes ever wait for each other, along whatever chain.
 */
export function planSources(input: SourcePlanInput): Source[] {
  const links = new Map(input.members.map((member) => [member.peer, member.link]))
  const within = (scope: LinkClass, peers: readonly PeerId[]) =>
    peers.filter((peer) => links.get(peer) === scope)
  return input.sources.flatMap((scope): Source[] => {
    if (scope === 'upstream') return [{ kind: 'upstream' }]
    return [
      ...within(scope, input.holders).map((peer) => ({ kind: 'holder', peer, link: scope }) as const),
      ...leadsOf(scope, input, links),
      ...within(scope, input.followers).map((peer) => ({ kind: 'follower', peer, link: scope }) as const),
    ]
  })
}

/** Whether scope `a` is the same as `b` or nearer. */
export function isWithin(a: LinkClass, b: LinkClass): boolean {
  return LINK_CLASSES.indexOf(a) <= LINK_CLASSES.indexOf(b)
}

function leadsOf(scope: LinkClass, input: SourcePlanInput, links: ReadonlyMap<PeerId, LinkClass>): Source[] {
  const ranked = input.leads[scope]
  const beforeSelf = ranked.slice(0, Math.max(0, ranked.indexOf(input.self)))
  return beforeSelf.slice(0, MAX_LEADS_PER_SCOPE).flatMap((peer): Source[] => {
    const link = links.get(peer)
    return link === undefined ? [] : [{ kind: 'lead', peer, link, scope }]
  })
}
