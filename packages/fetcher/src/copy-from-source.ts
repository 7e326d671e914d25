import type { Exchange } from '@layermesh/exchange'
import {
  type Clock,
  type ContentRef,
  type Fill,
  PeerMissingError,
  type SourceScope,
  type UpstreamClient,
} from '@layermesh/interface'

import { copyFromPeer } from './copy-from-peer.ts'
import { copyFromUpstream } from './copy-from-upstream.ts'
import { watchForComeback } from './lead-comeback.ts'
import { requestTo } from './request-to.ts'
import type { Source } from './source-plan.ts'
import { type RunningTransfers, watchRate } from './source-rate.ts'
import type { SourceRoster } from './source-roster.ts'
import type { UpstreamPauses } from './upstream-pauses.ts'

/** What is to be told of bytes that come. */
export interface FetchedFacts {
  /** Whether they go to the disk. */
  readonly isKept: boolean
  /** Whether they come from upstream although others have them, or may be getting them. */
  readonly isDuplicate: boolean
}

/** Collaborators of every copy. */
export interface CopyDeps {
  readonly clock: Clock
  readonly upstream: UpstreamClient
  readonly peers: Pick<Exchange, 'open'>
  readonly running: RunningTransfers
  readonly pauses: UpstreamPauses
  /** Counts bytes as they come. */
  readonly onFetched: (source: SourceScope, bytes: number, facts: FetchedFacts) => void
}

/** What is copied from where. */
export interface SourceCopy {
  readonly source: Source
  readonly ref: ContentRef
  readonly roster: SourceRoster
  /** Where to go on; undefined when no source has told the size yet. */
  readonly fill: Fill | undefined
  readonly heldPieces: () => number
  readonly isKept: () => boolean
  /** Give the fill for content of the size that a source tells. */
  readonly beginAsPeerSays: (sizeBytes: number, scope: SourceScope) => Promise<Fill>
  readonly beginAsUpstreamSays: (sizeBytes: number) => Promise<Fill>
  readonly signal: AbortSignal
}

/**
 * Copies what is missing from one source. Resolves to whether it has been left for a nearer one; it may be needed again. Throws what
 * {@link copyFromPeer} and {@link copyFromUpstream} throw, and ERR_PEER_MISSING when a peer has not all that it should.
 */
export async function copyFromSource(deps: CopyDeps, init: SourceCopy): Promise<boolean> {
  const { clock, onFetched, peers, running, upstream } = deps
  const { source, ref, roster, heldPieces, isKept, signal } = init
  const scope: SourceScope = source.kind === 'upstream' ? 'upstream' : source.link
  let isDuplicate = source.kind === 'upstream' && roster.duplicates()
  const onBytes = (count: number) => {
    roster.contributed(source)
    onFetched(scope, count, { isKept: isKept(), isDuplicate })
  }
  // What is passed to one client comes in one piece; for others the nearest source is looked for again at each.
  const copy = { yields: false }
  const shouldYield = () => {
    if (source.kind === 'upstream') isDuplicate = roster.duplicates()
    copy.yields = isKept() && roster.hasNearer(heldPieces())
    return copy.yields
  }
  await using stack = new AsyncDisposableStack()
  stack.use(watchForLeads(deps, init))
  const common = { onBytes, shouldYield, signal }
  if (source.kind === 'upstream') {
    await copyFromUpstream({ ...common, upstream, ref, fill: init.fill, begin: init.beginAsUpstreamSays })
    return copy.yields
  }
  const transfer = stack.use(await peers.open(source.peer, requestFor(deps, init, source), { signal }))
  const fill = await init.beginAsPeerSays(transfer.sizeBytes, scope)
  const rate = stack.use(
    watchRate({
      ...{ clock, link: source.link, flow: () => transfer.flow, running },
      hasOther: () => roster.hasOther(heldPieces()),
    }),
  )
  await copyFromPeer({ ...common, transfer, fill, signal: AbortSignal.any([signal, rate.signal]) })
  // An empty blob has no bytes that could tell who is to blame if it is not empty.
  if (fill.sizeBytes === 0) roster.contributed(source)
  if (!copy.yields && source.kind !== 'follower' && fill.firstMissing() !== undefined) {
    throw new PeerMissingError(`the peer has only a part of ${ref.digest}`)
  }
  return copy.yields
}

function requestFor(
  { pauses }: CopyDeps,
  { ref, roster, heldPieces }: SourceCopy,
  source: Exclude<Source, { kind: 'upstream' }>,
) {
  return requestTo(source, ref, {
    ...{ heldPieces: heldPieces(), pausedMs: pauses.leftMs(ref), refusedBy: roster.refusedBy },
  })
}

/** Has the roster know when leads that stood still, before this source was asked, are back. */
function watchForLeads(deps: CopyDeps, init: SourceCopy): Disposable {
  const { roster, signal } = init
  return watchForComeback({
    clock: deps.clock,
    missed: () => roster.missed,
    ask: async (lead, ended) => {
      const request = requestFor(deps, init, lead)
      const transfer = await deps.peers.open(lead.peer, request, { signal: AbortSignal.any([signal, ended]) })
      await transfer[Symbol.asyncDispose]()
    },
    onBack: (lead) => roster.back(lead),
  })
}
