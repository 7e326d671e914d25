import { EvictionPlanner, evictionRankOf, firstUsage, usedAgain, type Usage } from '@layermesh/blob-store'
import type { CopyCounts, Digest } from '@layermesh/interface'

import type { CachePolicy, CachePolicyInit, IsLeased } from './cache-policy.ts'

/** The part of the budget in which manifests and configs are protected. */
const PROTECTED_PART = 0.05
const NO_COPIES: CopyCounts = { site: 0, region: 0, world: 0 }

/** The daemon's own policy: the functions of the blob store, given what a daemon would give them. */
export class Layermesh implements CachePolicy {
  readonly #init: CachePolicyInit
  readonly #copiesOf: (blob: number) => CopyCounts
  readonly #rankOf: (digest: Digest) => number
  readonly #usages = new Map<number, Usage>()

  constructor(init: CachePolicyInit, options: { readonly knowsCopies: boolean }) {
    this.#init = init
    this.#copiesOf = options.knowsCopies ? (blob) => init.view.copiesOf(blob) : () => NO_COPIES
    this.#rankOf = evictionRankOf(`node-${init.node}`)
  }

  added(blob: number, nowMs: number): void {
    this.#usages.set(blob, firstUsage(nowMs))
  }

  used(blob: number, nowMs: number): void {
    const usage = this.#usages.get(blob)
    if (usage !== undefined) this.#usages.set(blob, usedAgain(usage, nowMs))
  }

  evict(bytesToFree: number, nowMs: number, isLeased: IsLeased): readonly number[] {
    const { blobs, budgetBytes } = this.#init
    const planner = new EvictionPlanner({
      nowMs,
      protectedBytes: budgetBytes * PROTECTED_PART,
      rankOf: this.#rankOf,
    })
    const indices = new Map<Digest, number>()
    for (const [index, usage] of this.#usages) {
      const blob = blobs[index]
      if (blob === undefined || isLeased(index)) continue
      const { digest, sizeBytes, role } = blob
      indices.set(digest, index)
      planner.offer({ digest, sizeBytes, role, usage, copies: this.#copiesOf(index) })
    }
    return planner.plan(bytesToFree).flatMap((digest) => {
      const index = indices.get(digest)
      if (index === undefined) return []
      this.#usages.delete(index)
      return [index]
    })
  }
}
