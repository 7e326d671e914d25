import type { PeerId } from '@layermesh/interface'

const MINUTE_MS = 60_000

/** How long a peer is cut off for its first, and for each further, offence. */
export const BAN_DURATIONS_MS = [10 * MINUTE_MS, 24 * 60 * MINUTE_MS] as const

/** Peers remembered at most; the longest remembered is forgotten first. */
const MAX_REMEMBERED = 10_000

/** Remembers who gave us wrong bytes, so that a second offence weighs more. */
export class PeerOffences {
  readonly #counts = new Map<PeerId, number>()

  /** Counts an offence and returns for how many milliseconds the peer is to be cut off. */
  record(peer: PeerId): number {
    const count = this.#counts.get(peer) ?? 0
    this.#counts.delete(peer)
    this.#counts.set(peer, count + 1)
    if (this.#counts.size > MAX_REMEMBERED) {
      const [oldest] = this.#counts.keys()
      if (oldest !== undefined) this.#counts.delete(oldest)
    }
    return count === 0 ? BAN_DURATIONS_MS[0] : BAN_DURATIONS_MS[1]
  }
}
