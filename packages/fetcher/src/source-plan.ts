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
  /** A peer that rendezvous hashing picked for the scope: it gets the blob from further out if it must. */
  | { readonly kind: 'lead'; readonly peer: PeerId; readonly link: LinkClass; readonly scope: LinkClass }
  | { readonly kind: 'upstream' }

/** What the plan is made from: the cluster as this node sees it now. */
export interface SourcePlanInput {
  /** The setting `sources`: scopes in the order in which they are to be asked. */
  readonly sources: readonly SourceScope[]
  readonly self: PeerId
  readonly members: readonly Member[]
  /** Members that have announced the blob; the order among equally near ones is kept. */
  readonly holders: readonly PeerId[]
  /** For each scope, the nodes of that scope in rendezvous order, this node included. */
  readonly leads: Readonly<Record<LinkClass, readonly PeerId[]>>
  /**
   * The widest scope that this node is fetching for as a lead, undefined when only its own clients want the blob.
   * Leads of this scope or a nearer one are not asked: so along any chain of leads the scope only widens, and no
   * two nodes ever wait for each other.
   */
  readonly leadScope: LinkClass | undefined
}

/** How many leads of one scope are tried before this node goes further out by itself. */
export const MAX_LEADS_PER_SCOPE = 3

/**
 * Lists the sources of a blob in the order in which to try them. In each scope those that hold it come first, then
 * the lead of the scope, and those next in rendezvous order should it fail; a node that is the lead itself, or next
 * in order after leads that failed, goes on to the next scope.
 */
export function planSources(input: SourcePlanInput): Source[] {
  const links = new Map(input.members.map((member) => [member.peer, member.link]))
  return input.sources.flatMap((scope): Source[] =>
    scope === 'upstream'
      ? [{ kind: 'upstream' }]
      : [...holdersIn(scope, input, links), ...leadsOf(scope, input, links)],
  )
}

/** Whether scope `a` is the same as `b` or nearer. */
export function isWithin(a: LinkClass, b: LinkClass): boolean {
  return LINK_CLASSES.indexOf(a) <= LINK_CLASSES.indexOf(b)
}

function holdersIn(
  scope: LinkClass,
  input: SourcePlanInput,
  links: ReadonlyMap<PeerId, LinkClass>,
): Source[] {
  return input.holders
    .filter((peer) => links.get(peer) === scope)
    .map((peer) => ({ kind: 'holder', peer, link: scope }))
}

function leadsOf(scope: LinkClass, input: SourcePlanInput, links: ReadonlyMap<PeerId, LinkClass>): Source[] {
  if (input.leadScope !== undefined && isWithin(scope, input.leadScope)) return []
  const ranked = input.leads[scope]
  const beforeSelf = ranked.slice(0, Math.max(0, ranked.indexOf(input.self)))
  return beforeSelf.slice(0, MAX_LEADS_PER_SCOPE).flatMap((peer): Source[] => {
    const link = links.get(peer)
    return link === undefined ? [] : [{ kind: 'lead', peer, link, scope }]
  })
}
