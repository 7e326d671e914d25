import { createHash, type Hash } from 'node:crypto'
import { DigestInvalidError, type Digest, type DigestAlgorithm } from '@layermesh/interface'
import { quoteInput } from './quote-input.ts'

const CANONICAL_DIGEST = /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/

/** Hashes bytes as they come. */
export interface DigestHash {
  update(bytes: Uint8Array): void
  /** The digest of all bytes so far; ends the hash. */
  digest(): Digest
  /** Another hash that has taken the same bytes so far. */
  copy(): DigestHash
}

/**
 * Checks that `text` is a digest in canonical form, of an algorithm that we verify (image-spec 1.1, descriptor.md
 * "Digests"). Throws ERR_DIGEST_INVALID.
 */
export function parseDigest(text: string): Digest {
  if (!CANONICAL_DIGEST.test(text)) {
    throw new DigestInvalidError(`${quoteInput(text)} is no sha256 or sha512 digest`)
  }
  return text as Digest
}

/** The part of a digest before the colon. */
export function digestAlgorithm(digest: Digest): DigestAlgorithm {
  return digest.slice(0, digest.indexOf(':')) as DigestAlgorithm
}

/** The part of a digest after the colon: lower-case hexadecimal. */
export function digestHex(digest: Digest): string {
  return digest.slice(digest.indexOf(':') + 1)
}

/** The digest of `bytes`. */
export function digestOf(bytes: Uint8Array, algorithm: DigestAlgorithm = 'sha256'): Digest {
  const hash = createDigestHash(algorithm)
  hash.update(bytes)
  return hash.digest()
}

/** Starts a digest over bytes that come one after the other. */
export function createDigestHash(algorithm: DigestAlgorithm): DigestHash {
  return digestHashFrom(algorithm, createHash(algorithm))
}

function digestHashFrom(algorithm: DigestAlgorithm, hash: Hash): DigestHash {
  return {
    update(bytes) {
      hash.update(bytes)
    },
    digest: () => `${algorithm}:${hash.digest('hex')}` as Digest,
    copy: () => digestHashFrom(algorithm, hash.copy()),
  }
}
