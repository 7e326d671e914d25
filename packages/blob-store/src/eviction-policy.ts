import type { Digest } from '@layermesh/interface'
import { blobWorth, type HeldBlob } from './blob-worth.ts'
import { LowestFirst } from './lowest-first.ts'

/** What a blob is within an image. */
export type BlobRole = 'manifest' | 'config' | 'layer'

/** A blob that may go: nobody reads, fills, pins or pulls it. */
export interface EvictionCandidate extends HeldBlob {
  readonly digest: Digest
  readonly role: BlobRole
}

export interface EvictionPlannerInit {
  /** Unix time in milliseconds. */
  readonly nowMs: number
  /** Manifests and configs go after all layers, as long as there aren't more bytes of them than this. */
  readonly protectedBytes: number
  /** This node's rank for a blob, from 0 to below 1: see `evictionRankOf`. */
  readonly rankOf: (digest: Digest) => number
}

export interface EvictionRequest extends EvictionPlannerInit {
  readonly candidates: Iterable<EvictionCandidate>
  readonly bytesToFree: number
}

/** Chooses what goes when room is needed, in one step; see {@link EvictionPlanner}. */
export function planEviction(request: EvictionRequest): Digest[] {
  const planner = new EvictionPlanner(request)
  for (const candidate of request.candidates) planner.offer(candidate)
  return planner.plan(request.bytesToFree)
}

/**
 * Chooses what goes when room is needed. Candidates are offered one by one, so that a node that serves can do something
 * else in between: weighing them is most of the work. What is planned may be in use by the time it is to go: look again.
 */
export class EvictionPlanner {
  readonly #init: EvictionPlannerInit
  readonly #layers = new VictimQueue()
  readonly #metadata = new VictimQueue()

  constructor(init: EvictionPlannerInit) {
    this.#init = init
  }

  /** Weighs a blob that may go. Offer each once. */
  offer(candidate: EvictionCandidate): void {
    const { nowMs, rankOf } = this.#init
    const queue = candidate.role === 'layer' ? this.#layers : this.#metadata
    queue.add(candidate, blobWorth(candidate, nowMs, rankOf(candidate.digest)))
  }

  /**
   * The digests in the order in which they go, until `bytesToFree` are free or nothing is left. First manifests and
   * configs of which there are more bytes than are protected, then layers, then the other manifests and configs; of each, what is
   * worth least for the room that it takes.
   */
  plan(bytesToFree: number): Digest[] {
    const plan: Digest[] = []
    const excessBytes = this.#metadata.bytes - this.#init.protectedBytes
    let bytesLeft = bytesToFree
    bytesLeft -= this.#metadata.drain(Math.min(excessBytes, bytesLeft), plan)
    bytesLeft -= this.#layers.drain(bytesLeft, plan)
    this.#metadata.drain(bytesLeft, plan)
    return plan
  }
}

/** Candidates and their worths. */
class VictimQueue {
  readonly #digests: Digest[] = []
  readonly #sizes: number[] = []
  readonly #worths: number[] = []
  #order: LowestFirst | undefined
  #bytes = 0

  get bytes(): number {
    return this.#bytes
  }

  add({ digest, sizeBytes }: EvictionCandidate, worth: number): void {
    this.#digests.push(digest)
    this.#sizes.push(sizeBytes)
    this.#worths.push(worth)
    this.#bytes += sizeBytes
  }

  /** Moves the least worthy to `plan` until there are `wantedBytes` of them or none is left; says how many bytes. */
  drain(wantedBytes: number, plan: Digest[]): number {
    let bytes = 0
    while (bytes < wantedBytes) {
      this.#order ??= new LowestFirst(this.#worths)
      const index = this.#order.next()
      const digest = index === undefined ? undefined : this.#digests[index]
      if (index === undefined || digest === undefined) break
      plan.push(digest)
      bytes += this.#sizes[index] ?? 0
    }
    return bytes
  }
}
