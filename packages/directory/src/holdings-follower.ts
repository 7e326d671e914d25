import type { CancelTimer, Clock, Digest } from '@layermesh/interface'
import type { HoldingsDelta, HoldingsHeartbeat } from './holdings-messages.ts'
import type { HoldingsReplica, HoldingsSnapshot } from './holdings-replica.ts'
import { retryDelayMs } from './retry-delay.ts'

/** What happened to an attempt to get a snapshot. */
export interface SyncAttempt {
  /** Undefined when it succeeded. */
  readonly error: unknown
  /** How many have failed in a row by now. */
  readonly failures: number
  /** Whether it was given up because the member is gone or this node stops. */
  readonly aborted: boolean
}

/** Collaborators and tunables of a follower. */
export interface FollowerDeps {
  readonly replica: HoldingsReplica
  readonly clock: Clock
  readonly fetchSnapshot: (options: { readonly signal: AbortSignal }) => Promise<HoldingsSnapshot>
  /** For how long a missing delta is waited for, in milliseconds: gossip often swaps two messages. */
  readonly gapPatienceMs: number
  readonly onAttempt: (attempt: SyncAttempt) => void
}

/** Keeps the replica of one member up to date: gets a snapshot when there is none, or when it has fallen behind. */
export class HoldingsFollower {
  readonly #deps: FollowerDeps
  readonly #stopping = new AbortController()
  #failures = 0
  #synced = false
  /** A snapshot that is being fetched: never more than one. */
  #sync: Promise<void> | undefined
  #cancelTimer: CancelTimer | undefined

  constructor(deps: FollowerDeps) {
    this.#deps = deps
    this.#plan()
  }

  /** Takes a message of the member. */
  receive(message: HoldingsDelta | HoldingsHeartbeat): void {
    this.#deps.replica.receive(message)
    this.#plan()
  }

  /** Removes a holding that the member told somebody it hasn't got. */
  forget(digest: Digest): void {
    this.#deps.replica.forget(digest)
  }

  /** Forgets all that the member holds. Resolves when nothing goes on any more. Idempotent. */
  async stop(): Promise<void> {
    this.#stopping.abort(new Error('the member is no longer followed'))
    this.#cancelTimer?.()
    this.#deps.replica.clear()
    await this.#sync
  }

  /** Sees to it that a replica that isn't current gets a snapshot in good time. */
  #plan(): void {
    const { replica, clock } = this.#deps
    const isBusy = this.#sync !== undefined || this.#cancelTimer !== undefined
    if (isBusy || this.#stopping.signal.aborted || replica.state === 'current') return
    if (!this.#synced && this.#failures === 0) {
      this.#sync = this.#fetch()
      return
    }
    this.#cancelTimer = clock.setTimer(this.#delayMs(), () => {
      this.#cancelTimer = undefined
      if (replica.state !== 'current') this.#sync = this.#fetch()
    })
  }

  // Also what is lost for sure waits: a member that contradicts itself at each message mustn't keep us busy.
  #delayMs(): number {
    return this.#failures === 0 ? this.#deps.gapPatienceMs : retryDelayMs(this.#failures)
  }

  async #fetch(): Promise<void> {
    const { replica, fetchSnapshot, onAttempt } = this.#deps
    const { signal } = this.#stopping
    replica.beginSync()
    try {
      const snapshot = await fetchSnapshot({ signal })
      signal.throwIfAborted()
      replica.restore(snapshot)
      this.#failures = 0
      this.#synced = true
      onAttempt({ error: undefined, failures: 0, aborted: false })
    } catch (error) {
      this.#failures += 1
      if (!signal.aborted) replica.giveUpSync()
      onAttempt({ error, failures: this.#failures, aborted: signal.aborted })
    }
    this.#sync = undefined
    this.#plan()
  }
}
