/* eslint-disable @typescript-eslint/no-non-null-assertion -- indices are within the arrays by construction; a default would only hide a mistake */
/**
 * Fingerprints of sets: the exclusive or of 64 bits of each element, so neither the order of changes nor their number
 * counts, only what is in the set. Two sets that differ have the same one once in 2^64 cases; whoever can invent
 * elements can make that happen, and does no more harm than one who announces what it hasn't got.
 */

/** Buckets are told apart by so many leading bits of a hash at most. */
export const MAX_BUCKET_BITS = 12

/** Elements of a bucket at which finer buckets are worth their bytes on the wire. */
const FULL_BUCKET = 64

/** Buckets that are kept one by one; with more of them, all have a place. */
const MAX_SPARSE = 128

/** Three words for each of the buckets that are kept one by one: its index, high, low. */
const SPARSE_WORDS = 3
const LEAST_SPARSE = 4

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

/**
 * The fingerprint of a set and of its parts by leading bits of the hash, kept up to date as elements come and go. It always
 * knows the finest parts, so that no growth has to look at the elements again: those of a small set in a list of the
 * parts that have been touched, of others in 32 KiB.
 */
export class Fingerprint {
  #count = 0
  /** Of the whole set, as signed numbers. */
  #high = 0
  #low = 0
  /** Two words for each of the finest buckets, in their order: high, low. Undefined while the set is small. */
  #dense: Uint32Array | undefined
  #sparse: Uint32Array | undefined
  #sparseCount = 0

  /** How many elements the set has. */
  get count(): number {
    return this.#count
  }

  add(prefix: number, element: FingerprintBits): void {
    this.#count += 1
    this.#toggle(prefix, element)
  }

  remove(prefix: number, element: FingerprintBits): void {
    this.#count -= 1
    this.#toggle(prefix, element)
  }

  /** The fingerprint of the whole set. */
  total(): FingerprintBits {
    return { high: this.#high >>> 0, low: this.#low >>> 0 }
  }

  /** Whether this is the fingerprint of the whole set. */
  isTotal({ high, low }: FingerprintBits): boolean {
    return this.#high === (high | 0) && this.#low === (low | 0)
  }

  /** Two words, high and low, for each of the 2^`bits` buckets. */
  buckets(bits: number): Uint32Array {
    const folded = new Uint32Array(2 << bits)
    const shift = MAX_BUCKET_BITS - bits
    const [dense, sparse] = [this.#dense, this.#sparse]
    for (let at = 0; dense !== undefined && at < dense.length; at += 2) {
      toggleBucket(folded, at >>> (shift + 1), { high: dense[at]!, low: dense[at + 1]! })
    }
    for (let at = 0; sparse !== undefined && at < this.#sparseCount * SPARSE_WORDS; at += SPARSE_WORDS) {
      toggleBucket(folded, sparse[at]! >>> shift, { high: sparse[at + 1]!, low: sparse[at + 2]! })
    }
    return folded
  }

  #toggle(prefix: number, element: FingerprintBits): void {
    this.#high ^= element.high
    this.#low ^= element.low
    this.#toggleKept(bucketOf(prefix, MAX_BUCKET_BITS), element)
  }

  #toggleSparse(bucket: number, element: FingerprintBits): void {
    const sparse = (this.#sparse ??= new Uint32Array(LEAST_SPARSE * SPARSE_WORDS))
    const end = this.#sparseCount * SPARSE_WORDS
    let at = 0
    while (at < end && sparse[at] !== bucket) at += SPARSE_WORDS
    if (at < end) {
      sparse[at + 1]! ^= element.high
      sparse[at + 2]! ^= element.low
    } else if (at < sparse.length) {
      sparse.set([bucket, element.high, element.low], at)
      this.#sparseCount += 1
    } else {
      this.#grow()
      this.#toggleKept(bucket, element)
    }
  }

  #toggleKept(bucket: number, element: FingerprintBits): void {
    if (this.#dense === undefined) this.#toggleSparse(bucket, element)
    else toggleBucket(this.#dense, bucket, element)
  }

  /** Makes room for more buckets. */
  #grow(): void {
    if (this.#sparseCount < MAX_SPARSE) {
      const grown = new Uint32Array(2 * this.#sparseCount * SPARSE_WORDS)
      grown.set(this.#sparse ?? [])
      this.#sparse = grown
      return
    }
    this.#dense = this.buckets(MAX_BUCKET_BITS)
    this.#sparse = undefined
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
