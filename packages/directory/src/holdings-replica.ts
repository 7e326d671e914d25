import type { Digest, PeerId } from '@layermesh/interface'
import type { HoldingsDelta, HoldingsHeartbeat } from './holdings-messages.ts'
import type { HoldingsTable } from './holdings-table.ts'

/** Most deltas that are kept until what comes before them is known; a snapshot makes good what didn't fit. */
export const MAX_PENDING_DELTAS = 64

/** All that a member held at one moment. */
export interface HoldingsSnapshot {
  readonly epoch: number
  /** Number of the last delta that is part of it. */
  readonly sequence: number
  readonly holdings: ReadonlyMap<Digest, number>
}

/**
 * How well a replica knows its member.
 * - `current`: as far as we know, all of it.
 * - `gap`: deltas are missing, which may still come.
 * - `lost`: nothing that may come helps; it takes a snapshot.
 */
export type ReplicaState = 'current' | 'gap' | 'lost'

/** What a replica works with. */
export interface ReplicaInit {
  readonly peer: PeerId
  /** Where the holdings go. */
  readonly table: HoldingsTable
  /** Most holdings that the member may have. */
  readonly maxHoldings: number
}

/** One member's holdings as we know them: made from a snapshot, kept up to date by its deltas. No I/O, no time. */
export class HoldingsReplica {
  readonly #peer: PeerId
  readonly #table: HoldingsTable
  readonly #maxHoldings: number
  /** The epoch that we are in, and the last delta that was applied; undefined before the first snapshot. */
  #position: { readonly epoch: number; readonly sequence: number } | undefined
  /** The newest delta of this epoch that we have heard of. */
  #newestSequence = 0
  /** Whether we have heard something that contradicts what we know. */
  #contradicted = false
  #syncing = false
  #pending: HoldingsDelta[] = []
  /** What the member still counts as its own, though it has told somebody that it hasn't got it. */
  readonly #forgotten = new Set<Digest>()

  constructor({ peer, table, maxHoldings }: ReplicaInit) {
    this.#peer = peer
    this.#table = table
    this.#maxHoldings = maxHoldings
  }

  get state(): ReplicaState {
    if (this.#position === undefined || this.#contradicted) return 'lost'
    return this.#newestSequence > this.#position.sequence ? 'gap' : 'current'
  }

  /** Takes a message of the member, in whatever order it came. */
  receive(message: HoldingsDelta | HoldingsHeartbeat): void {
    if (message.epoch === this.#position?.epoch) {
      this.#newestSequence = Math.max(this.#newestSequence, message.sequence)
    } else {
      this.#contradicted = true
    }
    if (message.kind === 'delta') this.#receiveDelta(message)
    else this.#compare(message)
  }

  /** Keeps deltas back from now on, until `restore` or `giveUpSync`. */
  beginSync(): void {
    this.#syncing = true
  }

  /** Goes on with what we had: there is no snapshot. */
  giveUpSync(): void {
    this.#syncing = false
    this.#applyPending()
  }

  /** Begins anew with a snapshot, and applies the deltas that came after it. */
  restore({ epoch, sequence, holdings }: HoldingsSnapshot): void {
    const isSameEpoch = epoch === this.#position?.epoch
    this.#newestSequence = isSameEpoch ? Math.max(this.#newestSequence, sequence) : sequence
    this.#position = { epoch, sequence }
    this.#contradicted = false
    this.#syncing = false
    this.#forgotten.clear()
    this.#table.replace(this.#peer, holdings)
    for (const delta of this.#pending) {
      if (delta.epoch === epoch) this.#newestSequence = Math.max(this.#newestSequence, delta.sequence)
    }
    this.#pending = this.#pending.filter((delta) => delta.epoch === epoch)
    this.#applyPending()
  }

  /** Removes a holding that the member told somebody it hasn't got. */
  forget(digest: Digest): void {
    if (this.#table.remove(this.#peer, digest)) this.#forgotten.add(digest)
  }

  /** Removes everything: the member is gone. */
  clear(): void {
    this.#table.clear(this.#peer)
  }

  /** How many blobs the member has by its own account. */
  get #count(): number {
    return this.#table.summaryOf(this.#peer).blobs + this.#forgotten.size
  }

  #receiveDelta(delta: HoldingsDelta): void {
    if (this.#isNext(delta) && !this.#syncing) {
      this.#apply(delta)
      this.#applyPending()
    } else if (!this.#isOld(delta) && this.#pending.length < MAX_PENDING_DELTAS) {
      this.#pending.push(delta)
    }
  }

  #compare({ epoch, sequence, count }: HoldingsHeartbeat): void {
    if (this.#syncing || epoch !== this.#position?.epoch || sequence !== this.#position.sequence) return
    if (count !== this.#count) this.#contradicted = true
  }

  #applyPending(): void {
    for (let next = this.#pending.find(this.#isNext); next; next = this.#pending.find(this.#isNext)) {
      this.#apply(next)
    }
    this.#pending = this.#pending.filter((delta) => !this.#isOld(delta))
  }

  #apply({ epoch, sequence, added, removed }: HoldingsDelta): void {
    this.#position = { epoch, sequence }
    for (const digest of removed) {
      this.#table.remove(this.#peer, digest)
      this.#forgotten.delete(digest)
    }
    for (const holding of added) {
      this.#forgotten.delete(holding[0])
      // What doesn't fit makes the count differ at the next heartbeat.
      if (this.#count < this.#maxHoldings) this.#table.add(this.#peer, holding)
    }
  }

  readonly #isNext = ({ epoch, sequence }: HoldingsDelta): boolean =>
    this.#position?.epoch === epoch && this.#position.sequence + 1 === sequence

  #isOld({ epoch, sequence }: HoldingsDelta): boolean {
    return this.#position?.epoch === epoch && this.#position.sequence >= sequence
  }
}
