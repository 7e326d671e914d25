import type { PeerId } from '@layermesh/interface'
import type { Bucket, Claim } from './claim.ts'
import type { HoldingsAccount } from './holdings-account.ts'
import type { AccountState, HoldingsPosition } from './account-state.ts'
import type { HoldingsDelta } from './holdings-messages.ts'
import type { HoldingsTable } from './holdings-table.ts'

/** Most deltas that are kept until what comes before them is known; comparing buckets makes good what didn't fit. */
export const MAX_PENDING_DELTAS = 64

/**
 * How well a replica knows its account.
 * - `current`: as far as we know, all of it.
 * - `gap`: deltas are missing, which may still come.
 * - `lost`: nothing that may come helps; it has to be compared.
 */
export type ReplicaState = 'current' | 'gap' | 'lost'

/** What a replica works with. */
export interface ReplicaInit {
  readonly table: HoldingsTable
  /** Where what it knows goes. */
  readonly account: HoldingsAccount
  /** Whether the author may speak of this holder. */
  readonly accepts: (peer: PeerId) => boolean
  /** Most pairs that the account may have. */
  readonly maxHoldings: () => number
}

/**
 * One account as we know it: brought up to date by comparing buckets with somebody who knows it, kept up to date by its
 * author's deltas, checked against its author's heartbeats. No I/O, no time.
 */
export class HoldingsReplica {
  readonly #table: HoldingsTable
  readonly #account: HoldingsAccount
  readonly #accepts: (peer: PeerId) => boolean
  readonly #maxHoldings: () => number
  /** The epoch that we are in, and the last delta that was applied; undefined as long as we know neither. */
  #position: HoldingsPosition | undefined
  /** The newest delta of this epoch that we have heard of. */
  #newestSequence = 0
  /** Whether we have heard something that contradicts what we know. */
  #contradicted = false
  #syncing = false
  #pending: HoldingsDelta[] = []
  /** How many pairs the author has by its own account. */
  #expectedCount = 0

  constructor({ table, account, accepts, maxHoldings }: ReplicaInit) {
    this.#table = table
    this.#account = account
    this.#accepts = accepts
    this.#maxHoldings = maxHoldings
  }

  get state(): ReplicaState {
    if (this.#position === undefined || this.#contradicted) return 'lost'
    return this.#newestSequence > this.#position.sequence ? 'gap' : 'current'
  }

  /** What this replica can vouch for: undefined when it may lack something. */
  get vouchedPosition(): HoldingsPosition | undefined {
    return this.state === 'current' && !this.#syncing ? this.#position : undefined
  }

  /** About how many pairs there are, here or at the author. */
  get expectedCount(): number {
    return Math.max(this.#account.fingerprint.count, this.#expectedCount)
  }

  /** Takes a delta of the author, in whatever order they come. */
  receive(delta: HoldingsDelta): void {
    this.#note(delta)
    if (this.#isNext(delta) && !this.#syncing) {
      this.#apply(delta)
      this.#applyPending()
    } else if (!this.#isOld(delta) && this.#pending.length < MAX_PENDING_DELTAS) {
      this.#pending.push(delta)
    }
  }

  /** Compares what we have with what the author has by its own account. */
  check(state: AccountState): void {
    this.#expectedCount = state.count
    const { epoch, sequence } = state
    if (this.#agreesWith(state)) {
      // However we came by it: a new author or a new start needs no comparing.
      if (!this.#isOld({ epoch, sequence: sequence + 1 })) this.#goOnFrom({ epoch, sequence })
      return
    }
    this.#note(state)
    const isSame = epoch === this.#position?.epoch && sequence === this.#position.sequence
    if (isSame && !this.#syncing) this.#contradicted = true
  }

  /** Keeps deltas back from now on, until `endSync` or `giveUpSync`. */
  beginSync(): void {
    this.#syncing = true
  }

  /** Takes what somebody who knows the account has in a bucket. */
  replaceBucket(bucket: Bucket, claims: readonly Claim[]): void {
    const accepted = claims.filter(({ peer }) => this.#accepts(peer))
    this.#table.replaceBucket(this.#account, bucket, accepted)
  }

  /** Goes on from the position of whoever was compared with, and applies the deltas that came after it. */
  endSync(position: HoldingsPosition): void {
    this.#syncing = false
    this.#goOnFrom(position)
  }

  /** Goes on with what we have: nobody could be compared with. */
  giveUpSync(): void {
    this.#syncing = false
    this.#applyPending()
  }

  #agreesWith({ count, fingerprint }: AccountState): boolean {
    const own = this.#account.fingerprint
    return !this.#syncing && count === own.count && own.isTotal(fingerprint)
  }

  #note({ epoch, sequence }: HoldingsPosition): void {
    if (epoch === this.#position?.epoch) this.#newestSequence = Math.max(this.#newestSequence, sequence)
    else this.#contradicted = true
  }

  #goOnFrom({ epoch, sequence }: HoldingsPosition): void {
    this.#pending = this.#pending.filter((delta) => delta.epoch === epoch)
    const known = epoch === this.#position?.epoch ? this.#newestSequence : 0
    this.#newestSequence = Math.max(known, sequence, ...this.#pending.map((delta) => delta.sequence))
    this.#position = { epoch, sequence }
    this.#contradicted = false
    this.#applyPending()
  }

  #applyPending(): void {
    for (let next = this.#pending.find(this.#isNext); next; next = this.#pending.find(this.#isNext)) {
      this.#apply(next)
    }
    this.#pending = this.#pending.filter((delta) => !this.#isOld(delta))
  }

  #apply({ epoch, sequence, changes }: HoldingsDelta): void {
    this.#position = { epoch, sequence }
    for (const { peer, added, removed } of changes) {
      if (!this.#accepts(peer)) continue
      for (const hash of removed) this.#table.remove(this.#account, peer, hash)
      for (const [hash, sizeBytes] of added) {
        // What doesn't fit makes the count differ at the next heartbeat.
        if (this.#account.fingerprint.count < this.#maxHoldings()) {
          this.#table.add(this.#account, { peer, hash, sizeBytes })
        }
      }
    }
  }

  readonly #isNext = ({ epoch, sequence }: HoldingsDelta): boolean =>
    this.#position?.epoch === epoch && this.#position.sequence + 1 === sequence

  #isOld({ epoch, sequence }: HoldingsPosition): boolean {
    return this.#position?.epoch === epoch && this.#position.sequence >= sequence
  }
}
