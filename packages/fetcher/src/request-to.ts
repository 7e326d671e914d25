import type { TransferRequest } from '@layermesh/exchange'
import type { ContentRef, PeerId } from '@layermesh/interface'

import type { Source } from './source-plan.ts'

/** What a lead is told beside what is wanted; see {@link TransferRequest}. */
interface LeadHints {
  readonly heldPieces: number
  readonly pausedMs: number | undefined
  readonly refusedBy: readonly PeerId[]
}

/** What a peer is asked, which depends on what it is asked as. */
export function requestTo(
  source: Exclude<Source, { kind: 'upstream' }>,
  ref: ContentRef,
  { heldPieces, pausedMs, refusedBy }: LeadHints,
): TransferRequest {
  if (source.kind === 'holder') return { ref }
  if (source.kind === 'follower') return { ref, partial: true }
  return {
    ...{ ref, leadScope: source.scope, heldPieces, pausedMs },
    ...(refusedBy.length > 0 && { refusedBy }),
  }
}
