/* eslint-disable @typescript-eslint/no-non-null-assertion -- indices are within the arrays by construction; a default would only hide a mistake */
/** A hash in units of 32 bits, the leading ones first: 8 for SHA-256, 16 for SHA-512. */
export type HashKey = Uint32Array

/** Copies a hash to a key of its length. */
export function readHash(hash: Uint8Array, key: HashKey): void {
  for (let word = 0, at = 0; word < key.length; word += 1, at += 4) {
    key[word] = (hash[at]! << 24) | (hash[at + 1]! << 16) | (hash[at + 2]! << 8) | hash[at + 3]!
  }
}

/** The hash of a key. */
export function hashOf(key: HashKey): Uint8Array {
  const hash = new Uint8Array(key.length * 4)
  for (let word = 0; word < key.length; word += 1) {
    const value = key[word]!
    hash[word * 4] = value >>> 24
    hash[word * 4 + 1] = value >>> 16
    hash[word * 4 + 2] = value >>> 8
    hash[word * 4 + 3] = value
  }
  return hash
}

/** Whether `key` is what `words` has from `start` on. */
export function sameKey(words: Uint32Array, start: number, key: HashKey): boolean {
  for (let word = 0; word < key.length; word += 1) {
    if (words[start + word] !== key[word]) return false
  }
  return true
}
