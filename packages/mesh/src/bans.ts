import type { Clock, PeerId } from '@layermesh/interface'

/** Peers that are cut off, and until when. */
export class Bans {
  readonly #clock: Clock
  readonly #untilMs = new Map<PeerId, number>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Cuts a peer off for `durationMs`; a ban that lasts longer stays. */
  add(peer: PeerId, durationMs: number): void {
    const untilMs = this.#clock.monotonicMs() + durationMs
    this.#untilMs.set(peer, Math.max(untilMs, this.endOf(peer) ?? 0))
  }

  has(peer: PeerId): boolean {
    return this.endOf(peer) !== undefined
  }

  /** When a peer's ban ends, in milliseconds of the monotonic clock; undefined when there is none. */
  endOf(peer: PeerId): number | undefined {
    const untilMs = this.#untilMs.get(peer)
    if (untilMs === undefined || this.#clock.monotonicMs() < untilMs) return untilMs
    this.#untilMs.delete(peer)
    return undefined
  }
}
