import type { PeerId } from '@layermesh/interface'
import { redialDelayMs } from './redial-delay.ts'

/** How long a peer that was learned of, or lost, is dialled before it is forgotten. */
export const KEEP_DIALLING_MS = 10 * 60_000

/** How long to leave a peer alone that has refused us, that we have refused, or that turned out to be this node. */
export const REFUSED_DELAY_MS = 2 * 60_000

/** How long a peer is missed while there are others, in milliseconds: some don't come back. */
export const MISS_FOR_MS = 60_000

/** Peers that are kept in mind, at most; bootstrap addresses come on top. */
const MAX_LEARNED = 1024

/** Addresses that are kept of one peer, at most. */
const MAX_KNOWN_ADDRESSES = 16

/** Something to dial: addresses, and the peer that must answer there if it is known. */
export interface DialTarget {
  readonly addresses: readonly string[]
  readonly peer: PeerId | undefined
  /** The member that has told of it last, if any. */
  readonly via: PeerId | undefined
  /** Attempts in a row that came to nothing. */
  readonly failures: number
  readonly bootstrap: boolean
}

/** What came of dialling a target. */
export type DialResult =
  | { readonly kind: 'joined'; readonly peer: PeerId }
  | { readonly kind: 'failed' }
  | { readonly kind: 'refused' }
  /** The address leads to this node itself; a name may lead elsewhere later. */
  | { readonly kind: 'self' }

/** How a peer has left. */
export interface LeftOptions {
  /** @default now */
  readonly notBeforeMs?: number | undefined
  /** Whether it should come back. @default true */
  readonly missed?: boolean
}

interface Entry {
  addresses: readonly string[]
  peer: PeerId | undefined
  via: PeerId | undefined
  failures: number
  readonly bootstrap: boolean
  /** When to dial; undefined while it is connected or being dialled. */
  dueMs: number | undefined
  /** When to forget it; Infinity for bootstrap addresses. */
  forgetMs: number
  /** Since when somebody should be there who isn't a member; undefined when nobody is expected. */
  missedSinceMs: number | undefined
}

/**
 * Whom to dial, and when: a state machine without I/O. Bootstrap addresses are dialled for ever while nobody is
 * connected there, other peers for {@link KEEP_DIALLING_MS} after they were learned of or lost. Times are those of
 * a monotonic clock, in milliseconds.
 */
export class DialPlan {
  readonly #self: PeerId
  readonly #random: () => number
  readonly #bootstrap: Entry[]
  /** What names lead to now, by address. */
  #resolved = new Map<string, Entry>()
  readonly #learned = new Map<PeerId, Entry>()

  constructor(self: PeerId, bootstrap: readonly string[], random: () => number) {
    this.#self = self
    this.#random = random
    this.#bootstrap = bootstrap.map((address) => ({ ...entryOf(address, 0), bootstrap: true }))
  }

  /** Takes all addresses that names lead to now and where no member is known to be: new ones are dialled at once, others no more. */
  resolved(addresses: readonly string[], nowMs: number): void {
    const known = this.#resolved
    this.#resolved = new Map(
      addresses.map((address) => [address, known.get(address) ?? entryOf(address, nowMs)]),
    )
  }

  /**
   * Notes where a peer may be reached; it is dialled at once if it is new. What is said here comes from others, so
   * it only adds to what is known already.
   */
  learn(peer: PeerId, addresses: readonly string[], nowMs: number, via?: PeerId): void {
    if (peer === this.#self || addresses.length === 0) return
    const known = this.#learned.get(peer)
    if (known !== undefined) {
      known.addresses = [...new Set([...known.addresses, ...addresses])].slice(0, MAX_KNOWN_ADDRESSES)
      known.forgetMs = nowMs + KEEP_DIALLING_MS
      known.via = via ?? known.via
    } else if (this.#learned.size < MAX_LEARNED) {
      this.#learned.set(peer, {
        ...{ addresses, peer, via, failures: 0, bootstrap: false },
        dueMs: nowMs,
        forgetMs: nowMs + KEEP_DIALLING_MS,
        missedSinceMs: nowMs,
      })
    }
  }

  /** Notes that a peer has joined, whoever dialled, and what it says of itself. */
  joined(peer: PeerId, addresses: readonly string[], nowMs: number): void {
    this.#learned.delete(peer)
    this.learn(peer, addresses, nowMs)
    for (const entry of this.#entriesOf(peer)) {
      entry.failures = 0
      entry.dueMs = undefined
      entry.missedSinceMs = undefined
    }
  }

  /** Notes that a peer has left, of its own will if it is not `missed`; it is dialled again from `notBeforeMs` on. */
  left(peer: PeerId, nowMs: number, { notBeforeMs = nowMs, missed = true }: LeftOptions = {}): void {
    for (const entry of this.#entriesOf(peer)) {
      entry.missedSinceMs = missed ? nowMs : undefined
      entry.failures = 1
      entry.dueMs = notBeforeMs + redialDelayMs({ failures: 1, random: this.#random })
      if (entry.forgetMs !== Infinity) entry.forgetMs = notBeforeMs + KEEP_DIALLING_MS
    }
  }

  /**
   * Takes up to `limit` targets that are due: each must be settled. Bootstrap addresses come first, then the peers that
   * were heard of last: whom this node remembers from elsewhere doesn't hold up whom it finds here. Forgets those
   * whose time is over.
   */
  takeDue(nowMs: number, isMember: (peer: PeerId) => boolean, limit: number): readonly DialTarget[] {
    for (const [peer, { dueMs, forgetMs }] of this.#learned) {
      if (dueMs !== undefined && forgetMs <= nowMs) this.#learned.delete(peer)
    }
    for (const entry of this.#entries()) {
      if (entry.peer !== undefined && isMember(entry.peer)) entry.dueMs = undefined
    }
    const due = this.#entries().filter(({ dueMs }) => dueMs !== undefined && dueMs <= nowMs)
    const taken = due.toSorted(byNews).slice(0, limit)
    for (const entry of taken) entry.dueMs = undefined
    return taken
  }

  /** Notes what came of a target. */
  settle(target: DialTarget, result: DialResult, nowMs: number): void {
    const entry = this.#entries().find((candidate) => candidate === target)
    if (entry === undefined) return
    if (result.kind === 'joined') {
      entry.peer = result.peer
      entry.failures = 0
      // It may have left again in the meantime.
      if (entry.dueMs === undefined) entry.missedSinceMs = undefined
      return
    }
    if (result.kind !== 'failed') entry.missedSinceMs = undefined
    entry.failures += 1
    const delayMs = redialDelayMs({ failures: entry.failures, random: this.#random })
    entry.dueMs = nowMs + (result.kind === 'failed' ? delayMs : REFUSED_DELAY_MS)
  }

  /** How many are missed, when there are so many members. */
  missed(nowMs: number, members: number): number {
    const missed = this.#entries().filter(
      ({ missedSinceMs: sinceMs }) =>
        sinceMs !== undefined && (members === 0 || nowMs - sinceMs < MISS_FOR_MS),
    )
    return new Set(missed.map(({ peer, addresses }) => peer ?? addresses[0])).size
  }

  /** Makes those due that are missed and aren't being dialled. */
  hasten(nowMs: number): void {
    for (const entry of this.#entries()) {
      if (entry.missedSinceMs !== undefined && entry.dueMs !== undefined) entry.dueMs = nowMs
    }
  }

  /** When the next target is due, or undefined when there is none. */
  nextDueMs(): number | undefined {
    const due = this.#entries().flatMap(({ dueMs }) => dueMs ?? [])
    return due.length === 0 ? undefined : Math.min(...due)
  }

  #entries(): Entry[] {
    return [...this.#bootstrap, ...this.#resolved.values(), ...this.#learned.values()]
  }

  #entriesOf(peer: PeerId): Entry[] {
    return this.#entries().filter((entry) => entry.peer === peer)
  }
}

/** An address at which any node may answer. */
function entryOf(address: string, dueMs: number): Entry {
  return {
    ...{ addresses: [address], peer: undefined, via: undefined, failures: 0, bootstrap: false, dueMs },
    forgetMs: Infinity,
    missedSinceMs: dueMs,
  }
}

function byNews(a: Entry, b: Entry): number {
  return a.forgetMs === b.forgetMs ? 0 : b.forgetMs - a.forgetMs
}
