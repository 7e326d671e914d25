import type { PeerId } from '@layermesh/interface'
import { AccountHolders } from './account-holders.ts'
import type { Bucket, Claim } from './claim.ts'
import { bucketOf } from './fingerprint.ts'
import { HoldingsAccount, type AccountHolder, type AccountInit } from './holdings-account.ts'
import { NONE, type HoldingsShard } from './holdings-shard.ts'
import { HoldingsShards } from './holdings-shards.ts'
import { NamedHolders } from './named-holders.ts'

/** Pairs that one step of the clean-up looks at, and those that it removes, at most: some milliseconds of work. */
const SWEEP_SCANNED = 50_000
const SWEEP_REMOVED = 2_000

/**
 * Who holds what, in little memory, by the account that says so. A digest has one size, the one that was said last.
 * Knows nothing of how we came to know it.
 */
export class HoldingsTable {
  readonly #shards = new HoldingsShards()
  readonly #holders = new AccountHolders()
  /** Holders of closed accounts whose pairs are still there, and how many shards are still to be looked at. */
  readonly #leaving = new Map<AccountHolder, number>()
  #nextSwept = 0
  #pairs = 0

  /** What this node's region is to say of itself. */
  readonly named = new NamedHolders(this.#shards, this.#holders)

  /** How many pairs of a digest and a holder there are, by accounts that are open. */
  get pairs(): number {
    return this.#pairs
  }

  /** An account without holdings. */
  open(init: AccountInit): HoldingsAccount {
    return new HoldingsAccount(init)
  }

  /** Drops all that an account says, at once for those who ask; call {@link sweep} for the memory. */
  close(account: HoldingsAccount): void {
    if (account.closed) return
    account.closed = true
    for (const holder of account.holders.values()) {
      holder.live = false
      this.#pairs -= holder.blobs
      this.#leaving.set(holder, this.#shards.count)
    }
  }

  /** Takes back some of the memory of closed accounts; says whether there is more to take back. */
  sweep(): boolean {
    let [scanned, removed] = [0, 0]
    while (this.#leaving.size > 0 && scanned < SWEEP_SCANNED && removed < SWEEP_REMOVED) {
      const shard = this.#shards.at(this.#nextSwept)
      if (shard !== undefined) {
        scanned += shard.pairCount
        removed += this.#sweepShard(shard, SWEEP_REMOVED - removed)
      }
      // One that had to be left half done is looked at again.
      if (removed < SWEEP_REMOVED) this.#finishShard()
    }
    return this.#leaving.size > 0
  }

  /** Live holders of a blob, in no order. */
  holders(hash: Uint8Array): readonly PeerId[] {
    const place = this.#shards.find(hash)
    const record = place === undefined ? NONE : place.shard.find(place.key)
    const peers: PeerId[] = []
    if (place === undefined || record === NONE) return peers
    const { shard } = place
    for (let pair = shard.firstPair(record); pair !== NONE; pair = shard.nextPair(pair)) {
      const holder = this.#holders.at(shard.holderOf(pair))
      if (holder.live && !shard.isHidden(pair)) peers.push(holder.peer)
    }
    return peers
  }

  /** Adds what an account claims, or shows again what was hidden; says whether it is new. */
  add(account: HoldingsAccount, { peer, hash, sizeBytes }: Claim): boolean {
    const holder = this.#holders.of(account, peer)
    const { shard, key } = this.#shards.require(hash)
    const known = shard.find(key)
    const record = known === NONE ? shard.insert(key, sizeBytes) : known
    if (shard.sizeOf(record) !== sizeBytes) this.#correctSize(shard, record, sizeBytes)
    const pair = known === NONE ? NONE : shard.findPair(record, holder.id)
    if (pair !== NONE) {
      shard.setHidden(pair, false)
      return false
    }
    shard.addPair(record, holder.id)
    this.named.added(holder, shard, record)
    this.#pairs += 1
    holder.blobs += 1
    holder.bytes += sizeBytes
    account.fingerprint.add(shard.prefixOf(record), holder.elementOf(shard.bitsOf(record)))
    return true
  }

  /** Removes what an account claims no longer; says whether there was something. */
  remove(account: HoldingsAccount, peer: PeerId, hash: Uint8Array): boolean {
    const found = this.#find(account, peer, hash)
    if (found === undefined) return false
    const { holder, shard, record, pair } = found
    account.fingerprint.remove(shard.prefixOf(record), holder.elementOf(shard.bitsOf(record)))
    this.#pairs -= 1
    holder.blobs -= 1
    holder.bytes -= shard.sizeOf(record)
    this.named.removing(holder, shard, record)
    shard.removePair(pair)
    return true
  }

  /** Doesn't name a holder any more, though its account still does; until the account says it again. */
  hide(account: HoldingsAccount, peer: PeerId, hash: Uint8Array): void {
    const found = this.#find(account, peer, hash)
    if (found !== undefined) found.shard.setHidden(found.pair, true)
  }

  /** Whether an account claims that `peer` holds a blob. */
  has(account: HoldingsAccount, peer: PeerId, hash: Uint8Array): boolean {
    return this.#find(account, peer, hash) !== undefined
  }

  /** What an account claims in one bucket. */
  claimsIn(account: HoldingsAccount, bucket: Bucket): Claim[] {
    const { bits, index } = bucket
    const claims: Claim[] = []
    for (const shard of this.#shards.of(bucket)) {
      for (let pair = 0; pair < shard.pairCount; pair += 1) {
        const holder = this.#holders.at(shard.holderOf(pair))
        if (holder.account !== account) continue
        const record = shard.recordOf(pair)
        if (bucketOf(shard.prefixOf(record), bits) !== index) continue
        claims.push({ peer: holder.peer, hash: shard.hashOf(record), sizeBytes: shard.sizeOf(record) })
      }
    }
    return claims
  }

  /** Makes `claims` all that an account claims in one bucket. */
  replaceBucket(account: HoldingsAccount, bucket: Bucket, claims: readonly Claim[]): void {
    const before = account.fingerprint.count === 0 ? [] : this.claimsIn(account, bucket)
    const staying = new Set(before.length === 0 ? [] : claims.map(textOf))
    for (const claim of before) {
      if (!staying.has(textOf(claim))) this.remove(account, claim.peer, claim.hash)
    }
    for (const claim of claims) this.add(account, claim)
  }

  #find(account: HoldingsAccount, peer: PeerId, hash: Uint8Array) {
    const holder = account.holders.get(peer)
    const place = holder === undefined ? undefined : this.#shards.find(hash)
    if (holder === undefined || place === undefined) return undefined
    const { shard, key } = place
    const record = shard.find(key)
    const pair = record === NONE ? NONE : shard.findPair(record, holder.id)
    return pair === NONE ? undefined : { holder, shard, record, pair }
  }

  #free(holder: AccountHolder): void {
    this.#leaving.delete(holder)
    this.#holders.free(holder)
  }

  /** Removes at most `limit` pairs of closed accounts; returns how many there were. */
  #sweepShard(shard: HoldingsShard, limit: number): number {
    let removed = 0
    // From the end on: what moves into a hole has been looked at.
    for (let pair = shard.pairCount - 1; pair >= 0 && removed < limit; pair -= 1) {
      const holder = this.#holders.at(shard.holderOf(pair))
      if (!holder.account.closed) continue
      this.named.removing(holder, shard, shard.recordOf(pair))
      shard.removePair(pair)
      removed += 1
    }
    return removed
  }

  #finishShard(): void {
    this.#nextSwept = (this.#nextSwept + 1) % this.#shards.count
    for (const [holder, remaining] of this.#leaving) {
      if (remaining > 1) this.#leaving.set(holder, remaining - 1)
      else this.#free(holder)
    }
  }

  #correctSize(shard: HoldingsShard, record: number, sizeBytes: number): void {
    const change = sizeBytes - shard.sizeOf(record)
    shard.setSize(record, sizeBytes)
    for (let pair = shard.firstPair(record); pair !== NONE; pair = shard.nextPair(pair)) {
      this.#holders.at(shard.holderOf(pair)).bytes += change
    }
  }
}

function textOf({ peer, hash }: Claim): string {
  return `${peer} ${Buffer.from(hash).toString('latin1')}`
}
