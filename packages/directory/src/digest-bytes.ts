import type { Digest } from '@layermesh/interface'
import { digestHex, parseDigest } from '@layermesh/oci'

/** Lengths of the hashes, which also tell the algorithm. */
export const SHA256_BYTES = 32
export const SHA512_BYTES = 64

/** The hash in a digest: less than half of its text. */
export function digestToBytes(digest: Digest): Uint8Array {
  return Buffer.from(digestHex(digest), 'hex')
}

/** The digest of a hash; its algorithm is the one with hashes of this length. Throws ERR_DIGEST_INVALID. */
export function digestFromBytes(bytes: Uint8Array): Digest {
  const algorithm = { [SHA256_BYTES]: 'sha256', [SHA512_BYTES]: 'sha512' }[bytes.length]
  return parseDigest(`${algorithm ?? 'unknown'}:${Buffer.from(bytes).toString('hex')}`)
}
