import { BlobQueue } from './blob-queue.ts'
import type { CachePolicy, CachePolicyInit, IsLeased } from './cache-policy.ts'
import { evictOneByOne } from './evict-one-by-one.ts'

/** The least recently used goes first. */
export class Lru implements CachePolicy {
  readonly #blobs
  readonly #queue

  constructor({ blobs }: CachePolicyInit) {
    this.#blobs = blobs
    this.#queue = new BlobQueue(blobs)
  }

  added(blob: number): void {
    this.#queue.put(blob)
  }

  used(blob: number): void {
    this.#queue.put(blob)
  }

  evict(bytesToFree: number, _nowMs: number, isLeased: IsLeased): readonly number[] {
    return evictOneByOne(this.#blobs, bytesToFree, () => {
      const victim = this.#queue.first(isLeased)
      if (victim !== undefined) this.#queue.remove(victim)
      return victim
    })
  }
}
