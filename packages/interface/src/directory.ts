import type { Digest } from './digest.ts'
import type { PeerId } from './peer-network.ts'

/** What a peer holds, in numbers. */
export interface HoldingsSummary {
  readonly blobs: number
  readonly bytes: number
}

/** A node's own view of all holdings. */
export interface Directory {
  /** Live members that have announced `digest`, in no order; never this node. */
  holders(digest: Digest): readonly PeerId[]
  /** Tells the cluster that this node holds a finished, verified blob. Call it after the commit. */
  announce(digest: Digest, sizeBytes: number): void
  /** Tells the cluster that this node holds a blob no longer. */
  withdraw(digest: Digest): void
  /** Corrects the view: `peer` said that it doesn't hold `digest`. */
  forget(peer: PeerId, digest: Digest): void
  /** Whether members have come within the last 2 s that have not yet told what they hold. */
  readonly isLearning: boolean
  /** Blobs and bytes that a peer has announced. */
  summaryOf(peer: PeerId): HoldingsSummary
}
