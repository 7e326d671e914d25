import {
  LayermeshError,
  PeerBusyError,
  PeerMissingError,
  PeerStreamError,
  PeerUnreachableError,
  UpstreamNotFoundError,
  UpstreamRateLimitedError,
} from '@layermesh/interface'

import type { Source } from './source-plan.ts'

/**
 * What a source's failure means for the rest of a fetch.
 * - `spoken`: upstream has answered for everybody; nobody is to ask it again.
 * - `busy`, `lost`: a lead that may be asked again soon: it is full, or the stream to it was lost and it may be there.
 * - `missing`: it doesn't have what it had announced.
 * - `refused`: it has said that it can't; another can be asked, and may ask it for something else.
 * - `failed`: it isn't to be asked again.
 */
export type FailureKind = 'spoken' | 'busy' | 'lost' | 'missing' | 'refused' | 'failed'

/**
 * Says what `error` means, which came of asking `source`; `isBelieved` is whether that may say what upstream has answered: a peer that has
 * proven nothing could keep content from everybody.
 */
export function judgeFailure(source: Source, error: unknown, isBelieved: boolean): FailureKind {
  if (error instanceof UpstreamNotFoundError || error instanceof UpstreamRateLimitedError)
    return isBelieved ? 'spoken' : 'refused'
  if (source.kind === 'upstream') return 'failed'
  if (error instanceof PeerBusyError) return source.kind === 'lead' ? 'busy' : 'refused'
  if (error instanceof PeerMissingError) return source.kind === 'lead' ? 'refused' : 'missing'
  if (source.kind === 'lead' && isLoss(error)) return 'lost'
  return 'failed'
}

function isLoss(error: unknown): boolean {
  if (!(error instanceof LayermeshError)) return false
  return error instanceof PeerStreamError || error instanceof PeerUnreachableError
}
