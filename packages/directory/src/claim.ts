import type { PeerId } from '@layermesh/interface'

/** The bytes of a digest's hash and the size of its blob in bytes. */
export type Holding = readonly [hash: Uint8Array, sizeBytes: number]

/** That a peer holds a blob. */
export interface Claim {
  readonly peer: PeerId
  readonly hash: Uint8Array
  readonly sizeBytes: number
}

/** One part of an account: of the 2^`bits` parts by leading bits of the hash, the one with this number. */
export interface Bucket {
  readonly bits: number
  readonly index: number
}

/** The one part that is all. */
export const EVERYTHING: Bucket = { bits: 0, index: 0 }
