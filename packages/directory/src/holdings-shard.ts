/* eslint-disable @typescript-eslint/no-non-null-assertion -- indices are within the arrays by construction; a default would only hide a mistake */
import type { FingerprintBits } from './fingerprint.ts'
import { hashOf, sameKey, type HashKey } from './hash-key.ts'

/** What stands for "there is none" where an index is expected. */
export const NONE = -1

/** Where the numbers of a pair are, and how many there are. */
const HOLDER = 0
const RECORD = 1
const NEXT = 2
const PAIR = 3

/** A holder's number in a pair is shifted by this, beside the flag that hides the pair. */
const HOLDER_SHIFT = 1
const HIDDEN = 1

const LEAST_CAPACITY = 4

/** How much larger arrays become when they are full. */
const GROWTH = 1.5

/** Arrays become smaller when they are filled to less than this part. */
const SLACK = 1 / 4

/** Most of the slots that are in use; more make the search long. */
const MAX_LOAD = 3 / 4

/**
 * Some of the digests of a table, and who holds them, in typed arrays: 52 bytes for a SHA-256 digest and 12 for each of
 * its holders, and what is reserved for more. Records (digests) and pairs (a digest and a holder) are known by their
 * indices, which are dense: removing one gives its index to the last one. A record without pairs does not stay.
 *
 * A table has many shards and each grows by itself, so that no growth copies more than a small part of a large table.
 */
export class HoldingsShard {
  readonly #words: number
  #recordCount = 0
  #pairCount = 0
  #hashes: Uint32Array
  #sizes = new Float64Array(LEAST_CAPACITY)
  /** The first pair of each record. */
  #heads = new Int32Array(LEAST_CAPACITY)
  /** Open addressing, linear probing: a record + 1, or 0. */
  #slots = new Uint32Array(2 * LEAST_CAPACITY)
  /** Three numbers for each pair, side by side for the sake of the processor's cache: holder, record, next pair of the record. */
  #pairs = new Int32Array(LEAST_CAPACITY * PAIR)

  /** `words` is the length of its hashes in units of 32 bits. */
  constructor(words: number) {
    this.#words = words
    this.#hashes = new Uint32Array(LEAST_CAPACITY * words)
  }

  get recordCount(): number {
    return this.#recordCount
  }

  get pairCount(): number {
    return this.#pairCount
  }

  /** The record of a digest, or {@link NONE}. */
  find(key: HashKey): number {
    const mask = this.#slots.length - 1
    for (let slot = key[1]! & mask; ; slot = (slot + 1) & mask) {
      const record = this.#slots[slot]! - 1
      if (record === NONE || sameKey(this.#hashes, record * this.#words, key)) return record
    }
  }

  /** Adds a digest that isn't there yet; a pair must follow. */
  insert(key: HashKey, sizeBytes: number): number {
    const record = this.#recordCount
    if (record === this.#sizes.length) this.#resizeRecords(grown(record))
    if (record + 1 > this.#slots.length * MAX_LOAD) this.#rehash(this.#slots.length * 2)
    this.#recordCount += 1
    this.#hashes.set(key, record * this.#words)
    this.#sizes[record] = sizeBytes
    this.#heads[record] = NONE
    this.#occupySlot(record)
    return record
  }

  /** The hash of a record. */
  hashOf(record: number): Uint8Array {
    return hashOf(this.#hashes.subarray(record * this.#words, (record + 1) * this.#words))
  }

  /** The leading 32 bits of a record's hash. */
  prefixOf(record: number): number {
    return this.#hashes[record * this.#words]!
  }

  /** 64 other bits of it, for fingerprints. */
  bitsOf(record: number): FingerprintBits {
    const start = record * this.#words
    return { high: this.#hashes[start + 2]!, low: this.#hashes[start + 3]! }
  }

  sizeOf(record: number): number {
    return this.#sizes[record]!
  }

  setSize(record: number, sizeBytes: number): void {
    this.#sizes[record] = sizeBytes
  }

  /** The first pair of a record; {@link nextPair} goes on from there until {@link NONE}. */
  firstPair(record: number): number {
    return this.#heads[record]!
  }

  nextPair(pair: number): number {
    return this.#pairs[pair * PAIR + NEXT]!
  }

  holderOf(pair: number): number {
    return this.#pairs[pair * PAIR + HOLDER]! >>> HOLDER_SHIFT
  }

  recordOf(pair: number): number {
    return this.#pairs[pair * PAIR + RECORD]!
  }

  isHidden(pair: number): boolean {
    return (this.#pairs[pair * PAIR + HOLDER]! & HIDDEN) !== 0
  }

  /** Hides a pair or shows it again; it counts all the same. */
  setHidden(pair: number, hidden: boolean): void {
    this.#pairs[pair * PAIR + HOLDER] = (this.holderOf(pair) << HOLDER_SHIFT) | (hidden ? HIDDEN : 0)
  }

  /** The pair of a record and a holder, or {@link NONE}. */
  findPair(record: number, holder: number): number {
    let pair = this.#heads[record]!
    while (pair !== NONE && this.holderOf(pair) !== holder) pair = this.nextPair(pair)
    return pair
  }

  /** Adds a pair that isn't there yet. */
  addPair(record: number, holder: number): void {
    const pair = this.#pairCount
    if (pair * PAIR === this.#pairs.length) this.#resizePairs(grown(pair))
    this.#pairCount += 1
    this.#pairs[pair * PAIR + HOLDER] = holder << HOLDER_SHIFT
    this.#pairs[pair * PAIR + RECORD] = record
    this.#pairs[pair * PAIR + NEXT] = this.#heads[record]!
    this.#heads[record] = pair
  }

  /** Removes a pair, and its record if it was the last one. Any index of the shard may mean something else then. */
  removePair(pair: number): void {
    const record = this.recordOf(pair)
    this.#relink(record, pair, this.nextPair(pair))
    this.#pairCount -= 1
    const last = this.#pairCount
    if (pair !== last) {
      this.#relink(this.recordOf(last), last, pair)
      this.#pairs.copyWithin(pair * PAIR, last * PAIR, (last + 1) * PAIR)
    }
    if (this.#heads[record] === NONE) this.#removeRecord(record)
    if (isSparse(this.#pairCount, this.#pairs.length / PAIR)) this.#resizePairs(grown(this.#pairCount))
  }

  /** Lets what refers to `from` among the pairs of a record refer to `to`. */
  #relink(record: number, from: number, to: number): void {
    if (this.#heads[record] === from) {
      this.#heads[record] = to
      return
    }
    let before = this.#heads[record]!
    while (this.nextPair(before) !== from) before = this.nextPair(before)
    this.#pairs[before * PAIR + NEXT] = to
  }

  #removeRecord(record: number): void {
    this.#freeSlot(this.#slotOf(record))
    this.#recordCount -= 1
    const last = this.#recordCount
    if (record !== last) {
      this.#slots[this.#slotOf(last)] = record + 1
      this.#hashes.copyWithin(record * this.#words, last * this.#words, (last + 1) * this.#words)
      this.#sizes[record] = this.#sizes[last]!
      this.#heads[record] = this.#heads[last]!
      for (let pair = this.#heads[record]; pair !== NONE; pair = this.nextPair(pair)) {
        this.#pairs[pair * PAIR + RECORD] = record
      }
    }
    if (isSparse(this.#recordCount, this.#sizes.length)) this.#resizeRecords(grown(this.#recordCount))
    if (
      this.#recordCount < (this.#slots.length * MAX_LOAD * SLACK) / 2 &&
      this.#slots.length > 2 * LEAST_CAPACITY
    ) {
      this.#rehash(this.#slots.length / 2)
    }
  }

  #slotOf(record: number): number {
    const mask = this.#slots.length - 1
    let slot = this.#homeOf(record)
    while (this.#slots[slot] !== record + 1) slot = (slot + 1) & mask
    return slot
  }

  /** Where the search for a record begins. */
  #homeOf(record: number): number {
    return this.#hashes[record * this.#words + 1]! & (this.#slots.length - 1)
  }

  #occupySlot(record: number): void {
    const mask = this.#slots.length - 1
    let slot = this.#homeOf(record)
    while (this.#slots[slot] !== 0) slot = (slot + 1) & mask
    this.#slots[slot] = record + 1
  }

  /** Frees a slot and closes the hole, so that no search ends too early. */
  #freeSlot(slot: number): void {
    const mask = this.#slots.length - 1
    let hole = slot
    for (let next = (hole + 1) & mask; this.#slots[next] !== 0; next = (next + 1) & mask) {
      const home = this.#homeOf(this.#slots[next]! - 1)
      // Whoever was found by a search that passed the hole moves there.
      if (((next - home) & mask) >= ((next - hole) & mask)) {
        this.#slots[hole] = this.#slots[next]!
        hole = next
      }
    }
    this.#slots[hole] = 0
  }

  #rehash(length: number): void {
    this.#slots = new Uint32Array(length)
    for (let record = 0; record < this.#recordCount; record += 1) this.#occupySlot(record)
  }

  #resizeRecords(capacity: number): void {
    this.#hashes = resized(this.#hashes, new Uint32Array(capacity * this.#words))
    this.#sizes = resized(this.#sizes, new Float64Array(capacity))
    this.#heads = resized(this.#heads, new Int32Array(capacity))
  }

  #resizePairs(capacity: number): void {
    this.#pairs = resized(this.#pairs, new Int32Array(capacity * PAIR))
  }
}

function grown(count: number): number {
  return Math.max(LEAST_CAPACITY, Math.ceil(count * GROWTH))
}

function isSparse(count: number, capacity: number): boolean {
  return capacity > LEAST_CAPACITY && count < capacity * SLACK
}

/** Copies what fits from `from` to `to`. */
function resized<T extends Uint32Array | Int32Array | Float64Array>(from: T, to: T): T {
  to.set(from.subarray(0, to.length))
  return to
}
