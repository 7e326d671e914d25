import { isDeepStrictEqual } from 'node:util'
import {
  linkClassOf,
  type Departure,
  type LinkClass,
  type Locality,
  type Member,
  type MemberVitals,
  type NodeFacts,
  type PeerId,
} from '@layermesh/interface'

/** How often a node sends a heartbeat to each member, in milliseconds. */
export const BEAT_INTERVAL_MS = 5_000

/** How often a node looks who is silent, in milliseconds. */
export const TICK_INTERVAL_MS = 1_000

/** After how long without a sign of life a member is suspected, in milliseconds: it has missed two heartbeats. */
export const SUSPECT_AFTER_MS = 10_000

/** After how long without a sign of life a member is gone, in milliseconds: with the interval of a tick on top, 15 s. */
export const GONE_AFTER_MS = 14_000

/** What a peer says of itself when it is admitted. */
export interface AdmittedPeer {
  readonly facts: NodeFacts
  /** Multiaddrs. */
  readonly addresses: readonly string[]
}

/** What a member says in a heartbeat. */
export interface Beat {
  /** A number that the member picks at random when it starts. */
  readonly epoch: number
  /** Counts the member's heartbeats of this epoch. */
  readonly sequence: number
  readonly vitals: MemberVitals
  /** Undefined when there is none. */
  readonly fingerprint: Uint8Array | undefined
}

/** What has changed in a view, in the order in which it did. */
export type MembershipEvent =
  | { readonly kind: 'joined' | 'suspected' | 'recovered'; readonly member: Member }
  | { readonly kind: 'left'; readonly member: Member; readonly reason: Departure }
  | { readonly kind: 'fingerprint'; readonly member: Member; readonly fingerprint: Uint8Array }

interface Entry {
  readonly said: AdmittedPeer
  suspect: boolean
  /** When it was last heard, in time that this node has lived through. */
  heardMs: number
  beat: Beat | undefined
  roundTripMs: number | undefined
  /** What others see of all this; made when it is asked for. */
  member: Member | undefined
}

/**
 * Who is in the cluster, as one node sees it: a state machine without I/O. A peer is `up` from its admission on,
 * `suspect` after {@link SUSPECT_AFTER_MS} of silence, and gone after {@link GONE_AFTER_MS}, when it says so, or when
 * the carrier has lost it. Any sign of life makes a suspect `up` again; who is gone has to be admitted anew.
 *
 * Silence is counted in time that this node has lived through itself: a tick counts for twice its interval at most, so
 * that after a pause of the process nobody else has been silent.
 */
export class MembershipView {
  readonly #here: Locality
  /** In the order in which they were last heard, so that a tick looks only at those that are silent. */
  readonly #entries = new Map<PeerId, Entry>()
  #tickedAtMs: number
  #livedMs = 0

  /** `nowMs` is the time of a monotonic clock, in milliseconds. */
  constructor(here: Locality, nowMs: number) {
    this.#here = here
    this.#tickedAtMs = nowMs
  }

  get size(): number {
    return this.#entries.size
  }

  has(peer: PeerId): boolean {
    return this.#entries.has(peer)
  }

  get(peer: PeerId): Member | undefined {
    const entry = this.#entries.get(peer)
    return entry && this.#memberOf(peer, entry)
  }

  /** All members, or those of one scope: the site is part of the region, and the region of the world. In no order. */
  list(scope: LinkClass = 'world'): readonly Member[] {
    const members = [...this.#entries].map(([peer, entry]) => this.#memberOf(peer, entry))
    if (scope === 'world') return members
    return members.filter(({ link }) => link === 'site' || link === scope)
  }

  /** A peer has proven membership. One that says other things of itself than before has been restarted. */
  admit(peer: PeerId, said: AdmittedPeer): readonly MembershipEvent[] {
    const known = this.#entries.get(peer)
    if (known !== undefined && isDeepStrictEqual(known.said, said)) return this.heard(peer)
    const left = this.leave(peer, 'restarted')
    const entry: Entry = {
      said,
      suspect: false,
      heardMs: this.#livedMs,
      beat: undefined,
      roundTripMs: undefined,
      member: undefined,
    }
    this.#entries.set(peer, entry)
    return [...left, { kind: 'joined', member: this.#memberOf(peer, entry) }]
  }

  /** There was a sign of life of a peer, whatever it was. */
  heard(peer: PeerId): readonly MembershipEvent[] {
    const entry = this.#entries.get(peer)
    return entry === undefined ? [] : this.#heard(peer, entry)
  }

  /** A heartbeat has come; one that is older than the last one of the same epoch says nothing new. */
  beat(peer: PeerId, beat: Beat): readonly MembershipEvent[] {
    const entry = this.#entries.get(peer)
    if (entry === undefined) return []
    const events = this.#heard(peer, entry)
    const last = entry.beat
    if (last !== undefined && last.epoch !== beat.epoch) {
      return [...this.leave(peer, 'restarted'), ...this.admit(peer, entry.said), ...this.beat(peer, beat)]
    }
    if (last !== undefined && beat.sequence <= last.sequence) return events
    entry.beat = beat
    if (last?.vitals !== beat.vitals) entry.member = undefined
    const { fingerprint } = beat
    if (fingerprint === undefined) return events
    return [...events, { kind: 'fingerprint', member: this.#memberOf(peer, entry), fingerprint }]
  }

  /** Notes a round-trip time, in milliseconds. */
  measured(peer: PeerId, roundTripMs: number): void {
    const entry = this.#entries.get(peer)
    if (entry === undefined) return
    entry.roundTripMs = roundTripMs
    entry.member = undefined
  }

  /** A peer is gone. Does nothing when it is no member. */
  leave(peer: PeerId, reason: Departure): readonly MembershipEvent[] {
    const entry = this.#entries.get(peer)
    if (entry === undefined) return []
    this.#entries.delete(peer)
    return [{ kind: 'left', member: this.#memberOf(peer, entry), reason }]
  }

  /** Time has passed; to be called every {@link TICK_INTERVAL_MS}. */
  tick(nowMs: number): readonly MembershipEvent[] {
    this.#livedMs += Math.min(nowMs - this.#tickedAtMs, 2 * TICK_INTERVAL_MS)
    this.#tickedAtMs = nowMs
    const events: MembershipEvent[] = []
    for (const [peer, entry] of this.#entries) {
      const silentMs = this.#livedMs - entry.heardMs
      if (silentMs < SUSPECT_AFTER_MS) break
      if (silentMs >= GONE_AFTER_MS) {
        events.push(...this.leave(peer, 'silent'))
      } else if (!entry.suspect) {
        entry.suspect = true
        entry.member = undefined
        events.push({ kind: 'suspected', member: this.#memberOf(peer, entry) })
      }
    }
    return events
  }

  #heard(peer: PeerId, entry: Entry): readonly MembershipEvent[] {
    if (entry.heardMs === this.#livedMs) return []
    entry.heardMs = this.#livedMs
    this.#entries.delete(peer)
    this.#entries.set(peer, entry)
    if (!entry.suspect) return []
    entry.suspect = false
    entry.member = undefined
    return [{ kind: 'recovered', member: this.#memberOf(peer, entry) }]
  }

  #memberOf(peer: PeerId, entry: Entry): Member {
    const { facts, addresses } = entry.said
    entry.member ??= {
      peer,
      ...facts,
      link: linkClassOf(this.#here, facts.locality),
      addresses,
      roundTripMs: entry.roundTripMs,
      state: entry.suspect ? 'suspect' : 'up',
      ...(entry.beat && { vitals: entry.beat.vitals }),
    }
    return entry.member
  }
}
