import type { CopyCounts } from '@layermesh/interface'
import type { TraceBlob } from '../support/trace.ts'

/** What a policy may know of the cluster. */
interface CacheView {
  /** How many other nodes hold a blob. */
  copiesOf(blob: number): CopyCounts
}

/** Whether a blob belongs to the image that is being pulled and must stay. */
export type IsLeased = (blob: number) => boolean

/** Decides for one node which blobs go when room is needed. Blobs are indices of the trace. */
export interface CachePolicy {
  /** A blob that isn't held has come in. */
  added(blob: number, nowMs: number): void
  /** A blob that is held was read, by a client or by a peer. */
  used(blob: number, nowMs: number): void
  /**
   * Chooses blobs of at least `bytesToFree`, or all that aren't leased. They go: the policy forgets them.
   */
  evict(bytesToFree: number, nowMs: number, isLeased: IsLeased): readonly number[]
}

export interface CachePolicyInit {
  readonly blobs: readonly TraceBlob[]
  readonly budgetBytes: number
  readonly node: number
  readonly view: CacheView
}

export interface NamedPolicy {
  readonly name: string
  create(init: CachePolicyInit): CachePolicy
}
