import { BlobQueue } from './blob-queue.ts'
import type { CachePolicy, CachePolicyInit, IsLeased } from './cache-policy.ts'
import { evictOneByOne } from './evict-one-by-one.ts'

/** The part of the budget that blobs with a second use may take. */
const PROTECTED_PART = 0.8

/**
 * Segmented LRU: a blob starts on probation and is protected from its second use on; what is protected for longest without a use
 * goes back on probation when there is too much of it.
 */
export class Slru implements CachePolicy {
  readonly #blobs
  readonly #probation
  readonly #protected
  readonly #protectedBytes

  constructor({ blobs, budgetBytes }: CachePolicyInit) {
    this.#blobs = blobs
    this.#probation = new BlobQueue(blobs)
    this.#protected = new BlobQueue(blobs)
    this.#protectedBytes = budgetBytes * PROTECTED_PART
  }

  added(blob: number): void {
    this.#probation.put(blob)
  }

  used(blob: number): void {
    this.#probation.remove(blob)
    this.#protected.put(blob)
    while (this.#protected.bytes > this.#protectedBytes) {
      const demoted = this.#protected.first()
      if (demoted === undefined) return
      this.#protected.remove(demoted)
      this.#probation.put(demoted)
    }
  }

  evict(bytesToFree: number, _nowMs: number, isLeased: IsLeased): readonly number[] {
    return evictOneByOne(this.#blobs, bytesToFree, () => {
      const victim = this.#probation.first(isLeased) ?? this.#protected.first(isLeased)
      if (victim !== undefined && !this.#probation.remove(victim)) this.#protected.remove(victim)
      return victim
    })
  }
}
