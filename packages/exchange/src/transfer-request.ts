import type { ContentRef, LinkClass, PeerId } from '@layermesh/interface'

/** Most peers that a request names. */
export const MAX_REFUSED_BY = 8

/** What one node asks another for. */
export interface TransferRequest {
  readonly ref: ContentRef
  /** "Upstream has confirmed this content for this repository and access": who believes it need not ask upstream again. */
  readonly isConfirmed?: boolean | undefined
  /**
   * "I ask you as the lead of this scope": a peer that doesn't hold the content gets it, and sends it on while it
   * comes. Only a peer that comes before this node in rendezvous order is asked so.
   */
  readonly leadScope?: LinkClass | undefined
  /** With `leadScope`: so many pieces, from the first on, this node has already and gives on request. */
  readonly heldPieces?: number | undefined
  /** With `leadScope`: for so many milliseconds yet upstream wants no requests for content of this kind, as far as this node knows. */
  readonly pausedMs?: number | undefined
  /** With `leadScope`: leads that have said to this node that they can't get the content; at most {@link MAX_REFUSED_BY}. */
  readonly refusedBy?: readonly PeerId[] | undefined
  /**
   * "Give me what you have of it at this moment": a peer that is still getting the content sends the pieces that it has, and
   * waits for none.
   */
  readonly partial?: boolean | undefined
}
