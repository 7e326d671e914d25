import type { PeerId } from '@layermesh/interface'
import type { AccountHolders } from './account-holders.ts'
import type { Bucket, Claim } from './claim.ts'
import { bucketOf, Fingerprint, type FingerprintBits } from './fingerprint.ts'
import type { AccountHolder } from './holdings-account.ts'
import { NONE, type HoldingsShard } from './holdings-shard.ts'
import type { HoldingsShards } from './holdings-shards.ts'

/** What becomes different in what a region says to others. */
export interface NamedChange {
  readonly kind: 'named' | 'unnamed'
  readonly claim: Claim
}

/**
 * What this node's region says to other regions: for each blob that its nodes hold, two of them at most; the second is
 * for when the first one has just died. Who is named is a function of who holds the blob, so that nodes with equal views would all say the same.
 */
export class NamedHolders {
  readonly fingerprint = new Fingerprint()
  readonly #shards: HoldingsShards
  readonly #holders: AccountHolders

  /** Is told what becomes different, while somebody wants to know. */
  onChange: ((change: NamedChange) => void) | undefined

  /** Both are the table's. */
  constructor(shards: HoldingsShards, holders: AccountHolders) {
    this.#shards = shards
    this.#holders = holders
  }

  /** To be called when a holder's pair has been added. */
  added(holder: AccountHolder, shard: HoldingsShard, record: number): void {
    if (!holder.account.regional) return
    const named = this.#pick(shard, record)
    if (!named.some(isPeerOf(holder))) return
    this.#change(shard, record, this.#pick(shard, record, holder), named)
  }

  /** To be called when a holder's pair is about to be removed. */
  removing(holder: AccountHolder, shard: HoldingsShard, record: number): void {
    if (!holder.account.regional) return
    const named = this.#pick(shard, record)
    if (!named.some(isPeerOf(holder))) return
    this.#change(shard, record, named, this.#pick(shard, record, holder))
  }

  /** What is said of one bucket. */
  claimsIn(bucket: Bucket): Claim[] {
    const { bits, index } = bucket
    const claims: Claim[] = []
    for (const shard of this.#shards.of(bucket)) {
      for (let record = 0; record < shard.recordCount; record += 1) {
        if (bucketOf(shard.prefixOf(record), bits) !== index) continue
        for (const { peer } of this.#pick(shard, record)) claims.push(claimOf(shard, record, peer))
      }
    }
    return claims
  }

  /**
   * The holders to name: the first in an order that is another one for each blob, which spreads the load. A peer may be
   * there twice for a while, when it has come back.
   */
  #pick(shard: HoldingsShard, record: number, without?: AccountHolder): AccountHolder[] {
    const bits = shard.bitsOf(record)
    let first: AccountHolder | undefined
    let second: AccountHolder | undefined
    for (let pair = shard.firstPair(record); pair !== NONE; pair = shard.nextPair(pair)) {
      const holder = this.#holders.at(shard.holderOf(pair))
      if (!holder.account.regional || holder === without) continue
      if (holder.peer === first?.peer || holder.peer === second?.peer) continue
      if (first === undefined || isBefore(holder, first, bits)) {
        second = first
        first = holder
      } else if (second === undefined || isBefore(holder, second, bits)) {
        second = holder
      }
    }
    return [first, second].filter((holder) => holder !== undefined)
  }

  #change(
    shard: HoldingsShard,
    record: number,
    before: readonly AccountHolder[],
    after: readonly AccountHolder[],
  ): void {
    const [prefix, bits] = [shard.prefixOf(record), shard.bitsOf(record)]
    for (const holder of before) {
      if (after.some(isPeerOf(holder))) continue
      this.fingerprint.remove(prefix, holder.elementOf(bits))
      this.onChange?.({ kind: 'unnamed', claim: claimOf(shard, record, holder.peer) })
    }
    for (const holder of after) {
      if (before.some(isPeerOf(holder))) continue
      this.fingerprint.add(prefix, holder.elementOf(bits))
      this.onChange?.({ kind: 'named', claim: claimOf(shard, record, holder.peer) })
    }
  }
}

function isPeerOf({ peer }: AccountHolder): (other: AccountHolder) => boolean {
  return (other) => other.peer === peer
}

function isBefore(a: AccountHolder, b: AccountHolder, bits: FingerprintBits): boolean {
  const [rankOfA, rankOfB] = [a.rankFor(bits), b.rankFor(bits)]
  return rankOfA === rankOfB ? a.peer < b.peer : rankOfA < rankOfB
}

function claimOf(shard: HoldingsShard, record: number, peer: PeerId): Claim {
  return { peer, hash: shard.hashOf(record), sizeBytes: shard.sizeOf(record) }
}
