import { EvictionPlanner, evictionRankOf, firstUsage, usedAgain, type Usage } from '@layermesh/blob-store'
import type { CopyCounts, Digest } from '@layermesh/interface'

import type { CachePolicy, CachePolicyInit, IsLeased } from './cache-policy.ts'

/** The part of the budget in which manifests and configs are protected. */
const PROTECTED_PART = 0.05
const NO_COPIES: CopyCounts = { site: 0, region: 0, world: 0 }

/** What a variant of our policy goes by. */
export interface LayermeshOptions {
  /** Whether it knows who else has a blob. */
  readonly knowsCopies: boolean
  /** Whether the last copy in a region goes only when nothing else is left, whatever it is worth. @default false */
  readonly lastCopyLast?: boolean
}

/** The daemon's own policy: the functions of the blob store, given what a daemon would give them. */
export class Layermesh implements CachePolicy {
  readonly #init: CachePolicyInit
  readonly #copiesOf: (blob: number) => CopyCounts
  readonly #rankOf: (digest: Digest) => number
  readonly #lastCopyLast: boolean
  readonly #usages = new Map<number, Usage>()

  constructor(init: CachePolicyInit, options: LayermeshOptions) {
    this.#init = init
    this.#lastCopyLast = options.lastCopyLast ?? false
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
    const createPlanner = () =>
      new EvictionPlanner({ nowMs, protectedBytes: budgetBytes * PROTECTED_PART, rankOf: this.#rankOf })
    const planner = createPlanner()
    const lastCopies = createPlanner()
    const sizes = new Map<Digest, number>()
    const indices = new Map<Digest, number>()
    for (const [index, usage] of this.#usages) {
      const blob = blobs[index]
      if (blob === undefined || isLeased(index)) continue
      const { digest, sizeBytes, role } = blob
      indices.set(digest, index)
      sizes.set(digest, sizeBytes)
      const copies = this.#copiesOf(index)
      const isSpared = this.#lastCopyLast && copies.site + copies.region === 0
      const candidate = { digest, sizeBytes, role, usage, copies }
      if (isSpared) lastCopies.offer(candidate)
      else planner.offer(candidate)
    }
    const plan = planner.plan(bytesToFree)
    const plannedBytes = plan.reduce((sum, digest) => sum + (sizes.get(digest) ?? 0), 0)
    if (plannedBytes < bytesToFree) plan.push(...lastCopies.plan(bytesToFree - plannedBytes))
    return plan.flatMap((digest) => {
      const index = indices.get(digest)
      if (index === undefined) return []
      this.#usages.delete(index)
      return [index]
    })
  }
}
