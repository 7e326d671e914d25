import { hash } from 'node:crypto'
import type { HoldingsSummary, PeerId } from '@layermesh/interface'
import { Fingerprint, type FingerprintBits } from './fingerprint.ts'
import { mixBits } from './mix-bits.ts'

/** A holder as one account names it. Owned by the table. */
export class AccountHolder {
  readonly peer: PeerId
  readonly account: HoldingsAccount
  /** Its number in the pairs of the table. */
  readonly id: number
  /** Whether it is a member now, so that it is worth asking. */
  live: boolean
  blobs = 0
  bytes = 0
  readonly #high: number
  readonly #low: number

  constructor(account: HoldingsAccount, peer: PeerId, id: number) {
    this.account = account
    this.peer = peer
    this.id = id
    this.live = account.isLive(peer)
    const seed = Buffer.from(hash('sha256', peer), 'hex')
    this.#high = seed.readUInt32BE(0)
    this.#low = seed.readUInt32BE(4)
  }

  /** The pair of this holder and a digest, in fingerprints: the same on all nodes. */
  elementOf({ high, low }: FingerprintBits): FingerprintBits {
    return { high: mixBits(high ^ this.#high), low: mixBits(low ^ this.#low) }
  }

  /** How much this holder is to be preferred for a digest, from -2^31 on: the same on all nodes. */
  rankFor({ high, low }: FingerprintBits): number {
    return mixBits(Math.imul(high, 31) ^ low ^ this.#low) | 0
  }
}

/** Tunables of an account. */
export interface AccountInit {
  /** Whether its holders are of this node's region. */
  readonly regional: boolean
  /** Whether a peer is a member that `holders` may name. */
  readonly isLive: (peer: PeerId) => boolean
}

/**
 * What one author says of who holds what: a node of its own holdings, or a region of those of its nodes. Accounts are
 * learned, compared and dropped as a whole.
 */
export class HoldingsAccount {
  readonly regional: boolean
  readonly isLive: (peer: PeerId) => boolean
  readonly fingerprint = new Fingerprint()
  readonly holders = new Map<PeerId, AccountHolder>()
  /** A closed account counts no longer; its pairs go little by little. */
  closed = false

  constructor({ regional, isLive }: AccountInit) {
    this.regional = regional
    this.isLive = isLive
  }

  /** Blobs and bytes that the account says `peer` holds. */
  summaryOf(peer: PeerId): HoldingsSummary {
    const { blobs = 0, bytes = 0 } = this.holders.get(peer) ?? {}
    return { blobs, bytes }
  }

  /** Asks anew whether `peer` is a member. */
  updateLive(peer: PeerId): void {
    const holder = this.holders.get(peer)
    if (holder !== undefined) holder.live = !this.closed && this.isLive(peer)
  }
}
