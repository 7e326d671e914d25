import { abortable } from '@layermesh/async'
import type { Clock, Log, Member, PeerId, Startable } from '@layermesh/interface'
import { DialPlan, type DialResult, type DialTarget, type LeftOptions } from './dial-plan.ts'

/**
 * Targets that are dialled at once, at most: handshakes are work, and a small node that joins a large cluster with all
 * of them at once would finish none in time.
 */
export const MAX_PARALLEL_DIALS = 16

/** How long members that are missed are looked for at a time, in milliseconds. */
export const SEARCH_TIMEOUT_MS = 2_000

/** For how long what a search has found is good enough, in milliseconds: twice as long after each one that found nobody. */
export const SEARCH_HOLDS_MS = 10_000

/** For how long at most. */
export const MAX_SEARCH_HOLDS_MS = 60_000

/** Collaborators of a {@link Dialer}. */
export interface DialerDeps {
  readonly clock: Clock
  readonly log: Log
  /** Spreads redials; 0 to 1. */
  readonly random: () => number
  readonly isMember: (peer: PeerId) => boolean
  /** A peer that others know can't be reached from here. */
  readonly unreached: (peer: PeerId, via: PeerId) => void
  /** Connects to a target and waits until the peer is admitted; throws when the connection fails. */
  readonly dial: (target: DialTarget, signal: AbortSignal) => Promise<DialResult>
}

/** Tunables of a {@link Dialer}. */
export interface DialerInit {
  readonly self: PeerId
  readonly bootstrap: readonly string[]
}

/** Carries out a {@link DialPlan}: dials what is due, and notes what comes of it. */
export class Dialer implements Startable {
  readonly #deps: DialerDeps
  readonly #plan: DialPlan
  readonly #dials = new Set<Promise<void>>()
  #controller: AbortController | undefined
  #cancelTimer = () => {}
  #search: Promise<void> | undefined
  /** Until when nobody has to be looked for again. */
  #searchedUntilMs = -Infinity
  /** Searches in a row that nobody came of. */
  #vainSearches = 0

  constructor(deps: DialerDeps, { self, bootstrap }: DialerInit) {
    this.#deps = deps
    this.#plan = new DialPlan(self, bootstrap, deps.random)
  }

  start(): Promise<void> {
    this.#controller ??= new AbortController()
    this.#dialDue()
    return Promise.resolve()
  }

  async stop(): Promise<void> {
    this.#cancelTimer()
    this.#controller?.abort()
    this.#controller = undefined
    await Promise.all(this.#dials)
  }

  /** Somebody, `via` if it is a member, says that a peer may be reached at these addresses. */
  learn(peer: PeerId, addresses: readonly string[], via?: PeerId): void {
    this.#plan.learn(peer, addresses, this.#deps.clock.monotonicMs(), via)
    this.#dialDue()
  }

  /** These are all addresses that names lead to now and where no member is known to be. */
  resolved(addresses: readonly string[]): void {
    this.#plan.resolved(addresses, this.#deps.clock.monotonicMs())
    this.#dialDue()
  }

  /** Whether more are missed than there are members, and they haven't been looked for lately. */
  isCutOff(members: number): boolean {
    const nowMs = this.#deps.clock.monotonicMs()
    return this.#searchedUntilMs <= nowMs && this.#plan.missed(nowMs, members) > members
  }

  /** Dials all that are missed at once; resolves when no dial is under way, or after {@link SEARCH_TIMEOUT_MS}. */
  search(): Promise<void> {
    this.#search ??= this.#lookForMissed().finally(() => (this.#search = undefined))
    return this.#search
  }

  joined({ peer, addresses }: Member): void {
    this.#vainSearches = 0
    this.#plan.joined(peer, addresses, this.#deps.clock.monotonicMs())
  }

  /** A peer is gone and is to be dialled again, soon if nothing else is said. */
  left(peer: PeerId, options?: LeftOptions): void {
    this.#plan.left(peer, this.#deps.clock.monotonicMs(), options)
    this.#dialDue()
  }

  async #lookForMissed(): Promise<void> {
    const { clock } = this.#deps
    this.#vainSearches += 1
    this.#plan.hasten(clock.monotonicMs())
    this.#dialDue()
    const timeout = new AbortController()
    const cancel = clock.setTimer(SEARCH_TIMEOUT_MS, () => timeout.abort())
    try {
      // Who is met tells of others, who are dialled next.
      while (this.#dials.size > 0) await abortable(Promise.all(this.#dials), timeout.signal)
    } catch {
      // The time is over.
    } finally {
      cancel()
    }
    const holdsMs = SEARCH_HOLDS_MS * 2 ** Math.max(0, this.#vainSearches - 1)
    this.#searchedUntilMs = clock.monotonicMs() + Math.min(MAX_SEARCH_HOLDS_MS, holdsMs)
  }

  #dialDue(): void {
    const signal = this.#controller?.signal
    if (signal === undefined) return
    const { clock, isMember } = this.#deps
    const free = MAX_PARALLEL_DIALS - this.#dials.size
    for (const target of this.#plan.takeDue(clock.monotonicMs(), isMember, free)) {
      const dial = this.#dial(target, signal).finally(() => {
        this.#dials.delete(dial)
        this.#dialDue()
      })
      this.#dials.add(dial)
    }
    this.#cancelTimer()
    const dueMs = this.#plan.nextDueMs()
    if (dueMs === undefined || this.#dials.size === MAX_PARALLEL_DIALS) return
    this.#cancelTimer = clock.setTimer(Math.max(0, dueMs - clock.monotonicMs()), () => this.#dialDue())
  }

  async #dial(target: DialTarget, signal: AbortSignal): Promise<void> {
    const { clock, log, dial } = this.#deps
    let err: unknown
    const result = await dial(target, signal).catch((error: unknown): DialResult => {
      err = error
      return { kind: 'failed' }
    })
    if (result.kind === 'failed' && !signal.aborted) {
      const { addresses, peer, via, bootstrap, failures } = target
      // One line that is seen for each bootstrap address that fails: somebody has configured it.
      log[bootstrap && failures === 0 ? 'warn' : 'debug']({ addresses, peer, err }, 'peer not reached')
      if (peer !== undefined && via !== undefined) this.#deps.unreached(peer, via)
    }
    this.#plan.settle(target, result, clock.monotonicMs())
  }
}
