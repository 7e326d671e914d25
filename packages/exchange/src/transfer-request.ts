import type { ContentRef, LinkClass } from '@layermesh/interface'

/** What one node asks another for. */
export interface TransferRequest {
  readonly ref: ContentRef
  /** "Upstream has confirmed this content for this repository and access": who believes it need not ask upstream again. */
  readonly isConfirmed?: boolean
  /**
   * "I ask you as the lead of this scope": a peer that doesn't hold the content gets it from further out, never
   * from this scope or a nearer one, and sends it on while it comes. Without it, only what is held is sent.
   */
  readonly leadScope?: LinkClass
}
