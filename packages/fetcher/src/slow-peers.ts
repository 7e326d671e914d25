import type { Clock, PeerId } from '@layermesh/interface'

/** For how long a peer that was slow or stood still is asked after the others, in milliseconds. */
export const SLOW_FOR_MS = 60_000

/** Remembers which peers were slow a short while ago, so that not each fetch has to find out anew. */
export class SlowPeers {
  readonly #clock: Pick<Clock, 'monotonicMs'>
  readonly #untilMs = new Map<PeerId, number>()

  constructor(clock: Pick<Clock, 'monotonicMs'>) {
    this.#clock = clock
  }

  /** Notes that a peer is slow now. */
  note(peer: PeerId): void {
    const nowMs = this.#clock.monotonicMs()
    for (const [known, untilMs] of this.#untilMs) if (untilMs <= nowMs) this.#untilMs.delete(known)
    this.#untilMs.set(peer, nowMs + SLOW_FOR_MS)
  }

  /** The same peers, those that were slow last. */
  last(peers: readonly PeerId[]): PeerId[] {
    const nowMs = this.#clock.monotonicMs()
    const isSlow = (peer: PeerId) => (this.#untilMs.get(peer) ?? 0) > nowMs
    return peers.toSorted((a, b) => Number(isSlow(a)) - Number(isSlow(b)))
  }
}
