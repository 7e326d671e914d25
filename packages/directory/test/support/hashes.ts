import type { PeerId } from '@layermesh/interface'
import { digestOf } from '@layermesh/oci'
import type { Claim } from '../../src/claim.ts'
import { digestToBytes } from '../../src/digest-bytes.ts'

/** The hash of a blob that is called `name`. */
export function hashOf(name: string | number, algorithm: 'sha256' | 'sha512' = 'sha256'): Uint8Array {
  return Uint8Array.from(digestToBytes(digestOf(Buffer.from(String(name)), algorithm)))
}

/** That a peer holds a blob. */
export function claim(peer: PeerId, hash: Uint8Array, sizeBytes = 100): Claim {
  return { peer, hash, sizeBytes }
}

/** A claim as text, for comparing and sorting. */
export function textOf({ peer, hash, sizeBytes }: Claim): string {
  return `${peer} ${Buffer.from(hash).toString('hex')} ${sizeBytes}`
}
