import { setImmediate } from 'node:timers/promises'
import type { CopyCounts, Counter, Digest, Log, PinStore, RemovalReason } from '@layermesh/interface'
import type { BlobEntry } from './blob-entry.ts'
import type { BlobIndex } from './blob-index.ts'
import { EvictionPlanner, type EvictionCandidate } from './eviction-policy.ts'
import type { PullLeases } from './pull-leases.ts'

/** Blobs that are weighed before others get their turn: a few milliseconds of work. */
const BLOBS_PER_TURN = 2000

/** Collaborators of {@link Evictor}. */
export interface EvictorDeps {
  readonly log: Log
  readonly index: BlobIndex
  readonly leases: PullLeases
  readonly pins: PinStore
  /** What the pins protect now. */
  readonly pinned: () => Promise<ReadonlySet<Digest>>
  /** How many other nodes hold a blob. */
  readonly copiesOf: (digest: Digest) => CopyCounts
  readonly remove: (digest: Digest, reason: RemovalReason) => Promise<void>
  /** The store's time in milliseconds. */
  readonly nowMs: () => number
  readonly lastCopyEvictions: Counter
}

/** Settings of {@link Evictor}. */
export interface EvictorInit {
  /** Bytes of manifests and configs that go last. */
  readonly protectedBytes: number
  /** This node's rank for a blob; see `evictionRankOf`. */
  readonly rankOf: (digest: Digest) => number
}

/** Removes finished blobs when room is needed: which of them, a pure policy decides. */
export class Evictor {
  readonly #deps: EvictorDeps
  readonly #init: EvictorInit

  constructor(deps: EvictorDeps, init: EvictorInit) {
    this.#deps = deps
    this.#init = init
  }

  /**
   * Evicts blobs of `bytesToFree` bytes or a little more, or none with `orNothing` if that can't be done. Resolves to
   * the bytes that went.
   */
  async evict(bytesToFree: number, { orNothing }: { readonly orNothing: boolean }): Promise<number> {
    const { copiesOf, index, lastCopyEvictions, log, pins, remove } = this.#deps
    let pinList = pins.list()
    let pinned = await this.#deps.pinned()
    const { planner, evictableBytes } = await this.#weigh(pinned)
    if (orNothing && evictableBytes < bytesToFree) return 0
    let freedBytes = 0
    let blobs = 0
    for (const digest of planner.plan(bytesToFree)) {
      const entry = index.get(digest)
      // It may have got a pin or a reader, or gone, while others were weighed and removed.
      if (pins.list() !== pinList) {
        pinList = pins.list()
        pinned = await this.#deps.pinned()
      }
      if (entry === undefined || pinned.has(digest) || !this.#mayGo(entry)) continue
      try {
        await remove(digest, 'evicted')
      } catch (err) {
        // The disk will refuse the others as well.
        log.warn({ digest, err }, 'blob not evicted')
        break
      }
      const { site, region } = copiesOf(digest)
      if (site + region === 0) lastCopyEvictions.add(1)
      freedBytes += entry.stat.sizeBytes
      blobs++
    }
    if (blobs > 0) log.info({ blobs, bytes: freedBytes, wantedBytes: bytesToFree }, 'blobs evicted')
    return freedBytes
  }

  /** Those of the blobs that may go now: nobody pins, reads or pulls them. */
  async thatMayGo(digests: readonly Digest[]): Promise<readonly Digest[]> {
    const pinned = await this.#deps.pinned()
    return digests.filter((digest) => {
      const entry = this.#deps.index.get(digest)
      return entry !== undefined && !pinned.has(digest) && this.#mayGo(entry)
    })
  }

  async #weigh(pinned: ReadonlySet<Digest>) {
    const { copiesOf, index, nowMs } = this.#deps
    const planner = new EvictionPlanner({ ...this.#init, nowMs: nowMs() })
    let evictableBytes = 0
    let weighed = 0
    for (const entry of index.entries().toArray()) {
      const { digest, sizeBytes } = entry.stat
      if (!this.#mayGo(entry) || pinned.has(digest)) continue
      const candidate: EvictionCandidate = {
        ...{ digest, sizeBytes, usage: entry.usage },
        role: index.graph.roleOf(digest),
        copies: copiesOf(digest),
      }
      planner.offer(candidate)
      evictableBytes += sizeBytes
      if (++weighed % BLOBS_PER_TURN === 0) await setImmediate()
    }
    return { planner, evictableBytes }
  }

  #mayGo({ readers, stat }: BlobEntry): boolean {
    return readers === 0 && !this.#deps.leases.has(stat.digest)
  }
}
