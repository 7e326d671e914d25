import type { Bucket } from './claim.ts'
import { SHA256_BYTES, SHA512_BYTES } from './digest-bytes.ts'
import { readHash, type HashKey } from './hash-key.ts'
import { HoldingsShard } from './holdings-shard.ts'

/** Shards are told apart by so many leading bits of a hash. */
const SHARD_BITS = 8
const SHARDS = 1 << SHARD_BITS

const WORD_BYTES = 4

/** Shards of hashes of one length. */
class Family {
  readonly key: HashKey
  readonly shards: (HoldingsShard | undefined)[] = Array<undefined>(SHARDS).fill(undefined)

  constructor(hashBytes: number) {
    this.key = new Uint32Array(hashBytes / WORD_BYTES)
  }
}

/** A place where a digest is or would be. */
export interface ShardPlace {
  readonly shard: HoldingsShard
  /** Valid until the next look-up. */
  readonly key: HashKey
}

/** All shards of a table: hashes of both lengths, each by its first byte. They come into being when they are needed. */
export class HoldingsShards {
  readonly #short = new Family(SHA256_BYTES)
  readonly #long = new Family(SHA512_BYTES)

  /** How many there may be; {@link at} takes an index below it. */
  readonly count = 2 * SHARDS

  /** The place of a hash, if anything is near it. */
  find(hash: Uint8Array): ShardPlace | undefined {
    const { key, shards } = this.#familyOf(hash)
    readHash(hash, key)
    const shard = shards[firstByteOf(hash)]
    return shard === undefined ? undefined : { shard, key }
  }

  /** The place of a hash. */
  require(hash: Uint8Array): ShardPlace {
    const { key, shards } = this.#familyOf(hash)
    readHash(hash, key)
    const shard = (shards[firstByteOf(hash)] ??= new HoldingsShard(key.length))
    return { shard, key }
  }

  /** A shard by its index. */
  at(index: number): HoldingsShard | undefined {
    return index < SHARDS ? this.#short.shards[index] : this.#long.shards[index - SHARDS]
  }

  /** The shards that may have hashes of a bucket. */
  *of({ bits, index }: Bucket): Generator<HoldingsShard, void> {
    const first = bits > SHARD_BITS ? index >>> (bits - SHARD_BITS) : index << (SHARD_BITS - bits)
    const count = bits > SHARD_BITS ? 1 : 1 << (SHARD_BITS - bits)
    for (const { shards } of [this.#short, this.#long]) {
      for (const shard of shards.slice(first, first + count)) {
        if (shard !== undefined) yield shard
      }
    }
  }

  #familyOf(hash: Uint8Array): Family {
    return hash.length === SHA512_BYTES ? this.#long : this.#short
  }
}

function firstByteOf(hash: Uint8Array): number {
  return hash[0] ?? 0
}
