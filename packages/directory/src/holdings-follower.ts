import type { CancelTimer, Clock } from '@layermesh/interface'
import type { AccountState } from './account-state.ts'
import type { HoldingsDelta } from './holdings-messages.ts'
import type { HoldingsReplica } from './holdings-replica.ts'
import { retryDelayMs } from './retry-delay.ts'

/** What happened to an attempt to bring a replica up to date. */
export interface SyncAttempt {
  /** Undefined when it succeeded. */
  readonly error: unknown
  /** How many have failed in a row by now. */
  readonly failures: number
  /** Whether it was given up because the member is gone or this node stops. */
  readonly aborted: boolean
}

/** What an attempt is told. */
export interface SyncOptions {
  /** How many attempts there were since the replica was last known to be current. */
  readonly attempt: number
  readonly signal: AbortSignal
}

/** Collaborators and tunables of a follower. */
export interface FollowerDeps {
  readonly replica: HoldingsReplica
  readonly clock: Clock
  /** Compares with somebody, and calls the replica's `replaceBucket` and `endSync`. */
  readonly sync: (options: SyncOptions) => Promise<void>
  /** For how long a missing delta is waited for, in milliseconds: gossip often swaps two messages. */
  readonly gapPatienceMs: number
  readonly onAttempt: (attempt: SyncAttempt) => void
}

/** Keeps the replica of one account up to date: compares it when it is new, and when it has fallen behind. */
export class HoldingsFollower {
  readonly #deps: FollowerDeps
  #stopped = false
  #attempts = 0
  #failures = 0
  #synced = false
  /** A comparison that is under way, and what ends it: never more than one. */
  #sync: Promise<void> | undefined
  #stopping: AbortController | undefined
  #cancelTimer: CancelTimer | undefined

  constructor(deps: FollowerDeps) {
    this.#deps = deps
    this.#plan()
  }

  /** Takes a delta of the author. */
  receive(delta: HoldingsDelta): void {
    this.#deps.replica.receive(delta)
    this.#plan()
  }

  /** Compares with what the author has by its own account. */
  check(state: AccountState): void {
    this.#deps.replica.check(state)
    this.#plan()
  }

  /** Resolves when nothing goes on any more. Idempotent. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#stopping?.abort(new Error('the account is no longer followed'))
    this.#cancelTimer?.()
    await this.#sync
  }

  /** Sees to it that a replica that isn't current is compared in good time. */
  #plan(): void {
    const { replica, clock } = this.#deps
    if (replica.state === 'current') this.#attempts = 0
    const isBusy = this.#sync !== undefined || this.#cancelTimer !== undefined
    if (isBusy || this.#stopped || replica.state === 'current') return
    if (!this.#synced && this.#failures === 0) {
      this.#sync = this.#compare()
      return
    }
    this.#cancelTimer = clock.setTimer(this.#delayMs(), () => {
      this.#cancelTimer = undefined
      if (replica.state !== 'current') this.#sync = this.#compare()
    })
  }

  // Also what is lost for sure waits: a member that contradicts itself at each message mustn't keep us busy.
  #delayMs(): number {
    return this.#failures === 0 ? this.#deps.gapPatienceMs : retryDelayMs(this.#failures)
  }

  async #compare(): Promise<void> {
    const { replica, sync, onAttempt } = this.#deps
    const { signal } = (this.#stopping = new AbortController())
    replica.beginSync()
    try {
      await sync({ attempt: this.#attempts++, signal })
      this.#failures = 0
      this.#synced = true
      onAttempt({ error: undefined, failures: 0, aborted: false })
    } catch (error) {
      this.#failures += 1
      if (!signal.aborted) replica.giveUpSync()
      onAttempt({ error, failures: this.#failures, aborted: signal.aborted })
    }
    this.#sync = undefined
    this.#stopping = undefined
    this.#plan()
  }
}
