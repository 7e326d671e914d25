/* eslint-disable @typescript-eslint/no-non-null-assertion -- indices are within the arrays by construction; a default would only hide a mistake */
/**
 * Fingerprints of sets: the exclusive or of 64 bits of each element, so neither the order of changes nor their number
 * counts, only what is in the set. Two sets that differ have the same one once in 2^64 cases; whoever can invent
 * elements can make that happen, and does no more harm than one who announces what it hasn't got.
 */

/** Buckets are told apart by so many leading bits of a hash at most. */
export const MAX_BUCKET_BITS = 12

/** How fine the buckets are that a fingerprint keeps, in the order in which it gets finer. */
const KEPT_BITS = [4, 8, MAX_BUCKET_BITS] as const

/** Elements of a bucket at which finer buckets are worth their memory. */
const FULL_BUCKET = 64

/** The 64 bits of an element, or of a set. */
export interface FingerprintBits {
  readonly high: number
  readonly low: number
}

/** How fine buckets should be for sets of about `count` elements: such that one holds some {@link FULL_BUCKET}. */
export function bucketBitsFor(count: number): number {
  return Math.min(MAX_BUCKET_BITS, Math.max(0, Math.ceil(Math.log2(count / FULL_BUCKET))))
}

/** The bucket of a hash that begins with the 32 bits `prefix`. */
export function bucketOf(prefix: number, bits: number): number {
  return bits === 0 ? 0 : prefix >>> (32 - bits)
}

/** The fingerprint of a set and of its parts by leading bits of the hash, kept up to date as elements come and go. */
export class Fingerprint {
  #count = 0
  #bits: number = KEPT_BITS[0]
  /** Two words for each bucket: high, low. */
  #buckets: Uint32Array = new Uint32Array(2 << KEPT_BITS[0])

  /** How many elements the set has. */
  get count(): number {
    return this.#count
  }

  /** How fine the buckets are that are kept. */
  get bits(): number {
    return this.#bits
  }

  add(prefix: number, element: FingerprintBits): void {
    this.#count += 1
    this.#toggle(prefix, element)
  }

  remove(prefix: number, element: FingerprintBits): void {
    this.#count -= 1
    this.#toggle(prefix, element)
  }

  /** How fine the buckets should be by now if that is finer than they are. The owner then calls `refine`. */
  get wantedBits(): number | undefined {
    const next = KEPT_BITS.find((bits) => bits > this.#bits)
    return next !== undefined && this.#count > FULL_BUCKET << this.#bits ? next : undefined
  }

  /** Takes finer buckets of the same set. */
  refine(bits: number, buckets: Uint32Array): void {
    this.#bits = bits
    this.#buckets = buckets
  }

  /** The fingerprint of the whole set. */
  total(): FingerprintBits {
    const [high = 0, low = 0] = this.buckets(0)
    return { high, low }
  }

  /** Two words, high and low, for each of the 2^`bits` buckets; `bits` is at most {@link bits}. */
  buckets(bits: number): Uint32Array {
    const folded = new Uint32Array(2 << bits)
    const shift = this.#bits - bits
    for (let bucket = 0; bucket < 1 << this.#bits; bucket += 1) {
      const target = bucket >>> shift
      folded[2 * target]! ^= this.#buckets[2 * bucket]!
      folded[2 * target + 1]! ^= this.#buckets[2 * bucket + 1]!
    }
    return folded
  }

  #toggle(prefix: number, { high, low }: FingerprintBits): void {
    const bucket = bucketOf(prefix, this.#bits)
    this.#buckets[2 * bucket]! ^= high
    this.#buckets[2 * bucket + 1]! ^= low
  }
}

/** Adds an element to buckets as {@link Fingerprint.buckets} gives them. */
export function toggleBucket(buckets: Uint32Array, bucket: number, { high, low }: FingerprintBits): void {
  buckets[2 * bucket]! ^= high
  buckets[2 * bucket + 1]! ^= low
}

/** Which buckets of two sets differ; both have as many. */
export function differingBuckets(a: Uint32Array, b: Uint32Array): number[] {
  const differing: number[] = []
  for (let bucket = 0; bucket < a.length / 2; bucket += 1) {
    if (a[2 * bucket] !== b[2 * bucket] || a[2 * bucket + 1] !== b[2 * bucket + 1]) differing.push(bucket)
  }
  return differing
}
