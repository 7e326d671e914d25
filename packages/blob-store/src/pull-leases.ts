import type { Digest } from '@layermesh/interface'

/** For how long what a pulled manifest needs is kept for the pull, in milliseconds. */
export const PULL_LEASE_MS = 10 * 60_000

/** What is part of an image that is being pulled: nothing of it may be evicted while the client is still at it. */
export class PullLeases {
  readonly #nowMs: () => number
  readonly #endsAtMs = new Map<Digest, number>()

  /** `nowMs` is the store's time in milliseconds. */
  constructor(nowMs: () => number) {
    this.#nowMs = nowMs
  }

  /** Keeps digests, from now on for {@link PULL_LEASE_MS}. */
  take(digests: Iterable<Digest>): void {
    this.#dropEnded()
    const endsAtMs = this.#nowMs() + PULL_LEASE_MS
    for (const digest of digests) {
      // Deleted first: so the order of the map is the order of the ends.
      this.#endsAtMs.delete(digest)
      this.#endsAtMs.set(digest, endsAtMs)
    }
  }

  /** Whether a digest is kept now. */
  has(digest: Digest): boolean {
    const endsAtMs = this.#endsAtMs.get(digest)
    return endsAtMs !== undefined && endsAtMs > this.#nowMs()
  }

  /** How many digests are kept. */
  get size(): number {
    this.#dropEnded()
    return this.#endsAtMs.size
  }

  #dropEnded(): void {
    const nowMs = this.#nowMs()
    for (const [digest, endsAtMs] of this.#endsAtMs) {
      if (endsAtMs > nowMs) return
      this.#endsAtMs.delete(digest)
    }
  }
}
