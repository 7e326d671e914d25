import type { Clock, Log, Member, PeerId, Startable } from '@layermesh/interface'
import { DialPlan, type DialResult, type DialTarget } from './dial-plan.ts'

/**
 * Targets that are dialled at once, at most: handshakes are work, and a small node that joins a large cluster with all
 * of them at once would finish none in time.
 */
export const MAX_PARALLEL_DIALS = 16

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

  joined({ peer, addresses }: Member): void {
    this.#plan.joined(peer, addresses, this.#deps.clock.monotonicMs())
  }

  /** A peer is gone and is to be dialled again, not before `notBeforeMs` (monotonic, default: soon). */
  left(peer: PeerId, notBeforeMs?: number): void {
    this.#plan.left(peer, this.#deps.clock.monotonicMs(), notBeforeMs)
    this.#dialDue()
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
