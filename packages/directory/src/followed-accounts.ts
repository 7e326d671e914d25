import type { CancelTimer, Clock, PeerId } from '@layermesh/interface'
import { PeerMissingError, PeerProtocolError } from '@layermesh/interface'
import { bucketBitsFor } from './fingerprint.ts'
import type { HoldingsAccount } from './holdings-account.ts'
import { HoldingsFollower, type SyncAttempt, type SyncOptions } from './holdings-follower.ts'
import { HoldingsReplica } from './holdings-replica.ts'
import type { HoldingsTable } from './holdings-table.ts'
import type { AccountName, SyncAsk, SyncReply } from './sync-conversation.ts'
import { Turns } from './turns.ts'

/** How many accounts are compared at a time. */
const MAX_SYNCS = 16

/** Time between two steps of taking back memory, in milliseconds. */
const SWEEP_INTERVAL_MS = 20

/** Has a peer answer an ask. */
export type RequestSync = (
  peer: PeerId,
  ask: SyncAsk,
  options: { readonly signal: AbortSignal },
) => AsyncIterable<SyncReply>

/** Collaborators and tunables of {@link FollowedAccounts}. */
export interface FollowedAccountsDeps {
  /** Where what is learned goes. */
  readonly table: HoldingsTable
  readonly clock: Clock
  readonly requestSync: RequestSync
  readonly gapPatienceMs: number
  readonly onAttempt: (account: AccountName, attempt: SyncAttempt) => void
}

/** What is different between the accounts of nodes and those of regions. */
export interface AccountTraits {
  readonly regional: boolean
  readonly isLive: (holder: PeerId) => boolean
  /** Whether the author may speak of this holder. */
  readonly accepts: (holder: PeerId) => boolean
  /** Whom to compare with. */
  readonly toAsk: (attempt: number) => PeerId | undefined
  readonly maxHoldings: () => number
}

/** An account of others, and what keeps it up to date. */
export interface Followed {
  readonly account: HoldingsAccount
  readonly replica: HoldingsReplica
  readonly follower: HoldingsFollower
  /** Since when, in milliseconds of the monotonic clock. */
  readonly sinceMs: number
}

/** Keeps accounts of others up to date, some of them at a time, and takes the memory back of those that are dropped. */
export class FollowedAccounts {
  readonly #deps: FollowedAccountsDeps
  readonly #turns = new Turns(MAX_SYNCS)
  readonly #ending = new Set<Promise<void>>()
  #cancelSweep: CancelTimer | undefined

  constructor(deps: FollowedAccountsDeps) {
    this.#deps = deps
  }

  /** Begins to follow an account. */
  follow(name: AccountName, traits: AccountTraits): Followed {
    const { clock, gapPatienceMs, onAttempt, table } = this.#deps
    const account = table.open(traits)
    const { accepts, maxHoldings } = traits
    const replica = new HoldingsReplica({ table, account, accepts, maxHoldings })
    const follower = new HoldingsFollower({
      replica,
      clock,
      sync: (options) =>
        this.#turns.run(() => this.#compare(name, { account, replica, ...traits }, options), options),
      gapPatienceMs,
      onAttempt: (attempt) => onAttempt(name, attempt),
    })
    return { account, replica, follower, sinceMs: clock.monotonicMs() }
  }

  /** Drops an account: it counts no longer from now on. */
  drop({ account, follower }: Followed): void {
    this.#deps.table.close(account)
    this.#armSweep()
    const ending = follower.stop().finally(() => this.#ending.delete(ending))
    this.#ending.add(ending)
  }

  /** Resolves when nothing goes on any more for accounts that were dropped. */
  async stop(): Promise<void> {
    this.#cancelSweep?.()
    await Promise.all(this.#ending)
  }

  /** Brings a replica up to date with what somebody knows who is asked. */
  async #compare(
    name: AccountName,
    { account, replica, toAsk, maxHoldings }: AccountTraits & Pick<Followed, 'account' | 'replica'>,
    { attempt, signal }: SyncOptions,
  ): Promise<void> {
    const peer = toAsk(attempt)
    if (peer === undefined) throw new PeerMissingError('nobody to ask')
    const buckets = account.fingerprint.buckets(bucketBitsFor(replica.expectedCount))
    let received = 0
    // Buckets come in their order, each once: without an order they might never end.
    let nextBucket = 0
    for await (const reply of this.#deps.requestSync(peer, { account: name, buckets }, { signal })) {
      signal.throwIfAborted()
      if (reply.kind === 'unknown') throw new PeerMissingError(`${peer} doesn't know it well enough`)
      if (reply.kind === 'end') {
        replica.endSync(reply)
        return
      }
      for (const [index, claims] of reply.buckets) {
        if (index < nextBucket) throw new PeerProtocolError(`bucket ${index} comes out of turn`)
        nextBucket = index + 1
        received += claims.length
        if (received > maxHoldings()) throw new PeerProtocolError(`more than ${maxHoldings()} holdings`)
        replica.replaceBucket({ bits: reply.bits, index }, claims)
      }
    }
  }

  #armSweep(): void {
    this.#cancelSweep ??= this.#deps.clock.setTimer(SWEEP_INTERVAL_MS, () => {
      this.#cancelSweep = undefined
      if (this.#deps.table.sweep()) this.#armSweep()
    })
  }
}
