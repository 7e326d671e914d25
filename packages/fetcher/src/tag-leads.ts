import { leadChain, RendezvousOrder } from '@layermesh/directory'
import type { Exchange } from '@layermesh/exchange'
import {
  type LinkClass,
  type Log,
  type PeerNetwork,
  type SourceScope,
  type TagRecord,
  type TagRef,
  UpstreamNotFoundError,
  UpstreamRateLimitedError,
} from '@layermesh/interface'

/** How many leads may fail to say what a tag is before this node asks upstream itself. */
const MAX_FAILED_LEADS = 2

/** What {@link askTagLeads} works with. */
export interface TagLeadsDeps {
  readonly sources: readonly SourceScope[]
  readonly network: Pick<PeerNetwork, 'self' | 'members'>
  readonly peers: Pick<Exchange, 'askTag'>
  readonly log: Log
  readonly isFresh: (record: TagRecord) => boolean
}

/** What a lead says of a tag. */
export interface LeadAnswer extends TagRecord {
  readonly link: LinkClass
}

/** What a tag is ranked by: who leads for it is the same whatever rights who asks has. */
export function tagKey({ upstream, repository, tag }: TagRef): string {
  return JSON.stringify([upstream, repository, tag])
}

/**
 * Has the lead of the nearest scope find out what a tag points to, which has it from the lead of the next one, and so on. Undefined when
 * this node is to ask upstream itself: it comes first in rendezvous order in all scopes that are asked before upstream, or those
 * before it have failed. Throws what upstream has said to a lead if that holds for all: that the tag isn't there, or not to be asked now.
 */
export async function askTagLeads(deps: TagLeadsDeps, ref: TagRef): Promise<LeadAnswer | undefined> {
  const { log, network, peers } = deps
  let failed = 0
  for (const { peer, link, scope } of leadsBefore(deps, ref)) {
    try {
      const record = await peers.askTag(peer, { ref, leadScope: scope })
      // What is older a lead has given because it can't ask upstream itself.
      if (record !== undefined && deps.isFresh(record)) return { ...record, link }
    } catch (error) {
      log.debug({ ...ref, peer, err: error }, 'lead could not say what a tag is')
      if (error instanceof UpstreamNotFoundError || error instanceof UpstreamRateLimitedError) throw error
      // One that has gone is no lead any more.
      if (!network.members().some((member) => member.peer === peer)) continue
    }
    failed += 1
    if (failed === MAX_FAILED_LEADS) return undefined
  }
  return undefined
}

function leadsBefore({ network, sources }: TagLeadsDeps, ref: TagRef) {
  const { self } = network
  const members = network.members()
  const chain = leadChain(new RendezvousOrder(tagKey(ref)), { self, members })
  const links = new Map(members.map(({ peer, link }) => [peer, link]))
  const upstreamAt = sources.indexOf('upstream')
  const scopes = upstreamAt < 0 ? [] : sources.slice(0, upstreamAt)
  const asked = new Set<string>()
  return scopes.flatMap((scope) => {
    if (scope === 'upstream') return []
    const ranked = chain[scope]
    return ranked.slice(0, Math.max(0, ranked.indexOf(self.peer))).flatMap((peer) => {
      const link = links.get(peer)
      if (link === undefined || asked.has(peer)) return []
      asked.add(peer)
      return [{ peer, link, scope }]
    })
  })
}
