import { createHmac, timingSafeEqual } from 'node:crypto'
import type { PeerId } from '@layermesh/interface'

/** Who opened the connection that is being admitted, and who accepted it. */
export type AdmissionRole = 'dialler' | 'listener'

/** What both sides know before the proofs: fresh nonces, and the peer ids that the transport has authenticated. */
export interface AdmissionTranscript {
  readonly diallerNonce: Uint8Array
  readonly listenerNonce: Uint8Array
  readonly diallerPeer: PeerId
  readonly listenerPeer: PeerId
}

const CONTEXT = 'layermesh hello 1'

/**
 * The proof of `role` that it knows the cluster's secret: HMAC-SHA256 with the secret as key over the context, the
 * role, both nonces and both peer ids, each preceded by its length (32 bits, big-endian). It can't be replayed
 * (nonces), reflected (role) or passed on by somebody in between (peer ids). Without a secret it is empty.
 */
export function proofOf(
  secret: string | undefined,
  role: AdmissionRole,
  transcript: AdmissionTranscript,
): Uint8Array {
  if (secret === undefined) return new Uint8Array()
  const hmac = createHmac('sha256', secret)
  const { diallerNonce, listenerNonce, diallerPeer, listenerPeer } = transcript
  for (const field of [CONTEXT, role, diallerNonce, listenerNonce, diallerPeer, listenerPeer]) {
    const bytes = Buffer.from(field)
    const length = Buffer.alloc(4)
    length.writeUInt32BE(bytes.length)
    hmac.update(length).update(bytes)
  }
  return new Uint8Array(hmac.digest())
}

/** Whether two proofs are the same; takes as long for wrong ones as for right ones. */
export function sameProof(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b)
}
