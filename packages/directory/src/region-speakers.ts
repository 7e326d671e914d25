import type { PeerId } from '@layermesh/interface'
import { byRendezvous, rendezvousWeight, type Weighted } from './rendezvous.ts'

/** A node of a region. */
class Candidate implements Weighted {
  readonly peer: PeerId
  readonly joinedAtMs: number
  readonly #region: string
  #weight: string | undefined

  constructor(region: string, peer: PeerId, joinedAtMs: number) {
    this.#region = region
    this.peer = peer
    this.joinedAtMs = joinedAtMs
  }

  /** Made when it is asked for: in other regions most nodes never speak. */
  get weight(): string {
    return (this.#weight ??= rendezvousWeight(`region ${this.#region}`, this.peer))
  }
}

/**
 * Who speaks for a region: the first of its nodes by rendezvous hashing of the region's name that does so. No I/O; times
 * are those of a monotonic clock.
 *
 * One that is ahead of the speaker takes over by speaking, not by being there: it may have just come and know nothing
 * yet. One that is ahead and silent is passed over when it has had `patienceMs` to begin.
 */
export class RegionSpeakers {
  readonly #region: string
  readonly #patienceMs: number
  readonly #candidates = new Map<PeerId, Candidate>()
  /** Those that have spoken for the region, and when they last did: seldom more than one. */
  readonly #heardAtMs = new Map<Candidate, number>()

  constructor(region: string, patienceMs: number) {
    this.#region = region
    this.#patienceMs = patienceMs
  }

  /** How many nodes the region has. */
  get size(): number {
    return this.#candidates.size
  }

  join(peer: PeerId, nowMs: number): void {
    this.#candidates.set(peer, new Candidate(this.#region, peer, nowMs))
  }

  leave(peer: PeerId): void {
    this.hearNothing(peer)
    this.#candidates.delete(peer)
  }

  /** Takes note that `peer` speaks for the region; says whether it is to be listened to. */
  hear(peer: PeerId, nowMs: number): boolean {
    const candidate = this.#candidates.get(peer)
    if (candidate === undefined) return false
    this.#heardAtMs.set(candidate, nowMs)
    return this.#speaker(nowMs) === candidate
  }

  /** Takes note that `peer` doesn't speak for the region, or does no longer. */
  hearNothing(peer: PeerId): void {
    if (this.#heardAtMs.size === 0) return
    for (const candidate of this.#heardAtMs.keys()) {
      if (candidate.peer === peer) this.#heardAtMs.delete(candidate)
    }
  }

  /** Whom to ask about the region: who speaks for it, else who should. */
  toAsk(nowMs: number): PeerId | undefined {
    return (this.#speaker(nowMs) ?? first(this.#candidates.values()))?.peer
  }

  /** Whether `self` is to speak, which does so already if it is `speaking`. */
  shouldSpeak(self: PeerId, speaking: boolean, nowMs: number): boolean {
    const own = this.#candidates.get(self)
    if (own === undefined) return false
    const isAhead = (candidate: Candidate) => byRendezvous(candidate, own) < 0
    for (const heard of this.#heardAtMs.keys())
      if (this.#isHeard(heard, nowMs) && isAhead(heard)) return false
    if (speaking) return true
    for (const candidate of this.#candidates.values()) {
      if (nowMs - candidate.joinedAtMs < this.#patienceMs && isAhead(candidate)) return false
    }
    return true
  }

  #speaker(nowMs: number): Candidate | undefined {
    return first(this.#heardAtMs.keys().filter((candidate) => this.#isHeard(candidate, nowMs)))
  }

  #isHeard(candidate: Candidate, nowMs: number): boolean {
    const heardAtMs = this.#heardAtMs.get(candidate)
    return heardAtMs !== undefined && nowMs - heardAtMs < this.#patienceMs
  }
}

function first(candidates: Iterable<Candidate>): Candidate | undefined {
  let best: Candidate | undefined
  for (const candidate of candidates) {
    if (best === undefined || byRendezvous(candidate, best) < 0) best = candidate
  }
  return best
}
