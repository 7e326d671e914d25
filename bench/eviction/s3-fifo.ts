import { BlobQueue } from './blob-queue.ts'
import type { CachePolicy, CachePolicyInit, IsLeased } from './cache-policy.ts'
import { evictOneByOne } from './evict-one-by-one.ts'

/** The part of the budget of the small queue. */
const SMALL_PART = 0.1
/** Uses are counted up to here. */
const MAX_USES = 3
/** As many uses in the small queue earn a place in the main one. */
const USES_FOR_MAIN = 1

/**
 * S3-FIFO (Yang et al., FIFO queues are all you need for cache eviction, SOSP 2023), with bytes in place of objects. A new blob
 * goes through the small queue, and only when it is used there into the main one; the ghost queue remembers as many bytes
 * as the main queue has of what went without a use, and those that come back go to the main queue at once.
 */
export class S3Fifo implements CachePolicy {
  readonly #blobs
  readonly #small
  readonly #main
  readonly #ghost
  readonly #smallBytes
  readonly #ghostBytes
  readonly #uses = new Map<number, number>()

  constructor({ blobs, budgetBytes }: CachePolicyInit) {
    this.#blobs = blobs
    this.#small = new BlobQueue(blobs)
    this.#main = new BlobQueue(blobs)
    this.#ghost = new BlobQueue(blobs)
    this.#smallBytes = budgetBytes * SMALL_PART
    this.#ghostBytes = budgetBytes * (1 - SMALL_PART)
  }

  added(blob: number): void {
    if (this.#ghost.remove(blob)) this.#main.put(blob)
    else this.#small.put(blob)
    this.#uses.set(blob, 0)
  }

  used(blob: number): void {
    this.#uses.set(blob, Math.min(this.#usesOf(blob) + 1, MAX_USES))
  }

  evict(bytesToFree: number, _nowMs: number, isLeased: IsLeased): readonly number[] {
    return evictOneByOne(this.#blobs, bytesToFree, () => {
      const smallFirst = this.#small.bytes >= this.#smallBytes
      return smallFirst
        ? (this.#fromSmall(isLeased) ?? this.#fromMain(isLeased))
        : (this.#fromMain(isLeased) ?? this.#fromSmall(isLeased))
    })
  }

  #fromSmall(isLeased: IsLeased): number | undefined {
    for (;;) {
      const blob = this.#small.first(isLeased)
      if (blob === undefined) return undefined
      this.#small.remove(blob)
      if (this.#usesOf(blob) < USES_FOR_MAIN) {
        this.#remember(blob)
        return blob
      }
      this.#main.put(blob)
      this.#uses.set(blob, 0)
    }
  }

  #fromMain(isLeased: IsLeased): number | undefined {
    for (;;) {
      const blob = this.#main.first(isLeased)
      if (blob === undefined) return undefined
      const uses = this.#usesOf(blob)
      if (uses === 0) {
        this.#main.remove(blob)
        return blob
      }
      this.#main.put(blob)
      this.#uses.set(blob, uses - 1)
    }
  }

  #remember(blob: number): void {
    this.#ghost.put(blob)
    for (let oldest = this.#ghost.first(); oldest !== undefined; oldest = this.#ghost.first()) {
      if (this.#ghost.bytes <= this.#ghostBytes) return
      this.#ghost.remove(oldest)
    }
  }

  #usesOf(blob: number): number {
    return this.#uses.get(blob) ?? 0
  }
}
