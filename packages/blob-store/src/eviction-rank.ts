import type { Digest } from '@layermesh/interface'

const RANKS = 2 ** 32
/** A digest is evenly spread: its last 32 bits are enough. */
const RANK_HEX_DIGITS = 8

/**
 * Gives each blob a rank from 0 to below 1, evenly spread, and another one on each node: so nodes of a site that know the same
 * don't choose the same victim. Quick, for it is asked for every candidate; not for secrets.
 */
export function evictionRankOf(nodeId: string): (digest: Digest) => number {
  const seed = hashed(0, nodeId, 0)
  return (digest) => mixed(hashed(seed, digest, digest.length - RANK_HEX_DIGITS)) / RANKS
}

/** FNV-1a of the characters of `text` from `start` on. */
function hashed(seed: number, text: string, start: number): number {
  let hash = seed ^ 0x811c9dc5
  for (let index = start; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
  }
  return hash
}

/** The finalizer of MurmurHash3: each bit of the input changes about half of the bits of the result. */
function mixed(value: number): number {
  let bits = value ^ (value >>> 16)
  bits = Math.imul(bits, 0x85ebca6b)
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35)
  return (bits ^ (bits >>> 16)) >>> 0
}
