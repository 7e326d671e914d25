import type { ByteSource } from '@layermesh/interface'

// Values of the header Cache-Status (RFC 9211 §2), by which a reply says how the mirror came to it.

/** Of a reply that the mirror made by itself, without looking for content. */
export const OWN_REPLY = 'layermesh'

/** Of a reply to a request for content that no source could give. */
export const MISS = 'layermesh; fwd=miss'

/** Of a reply with content: whether it was on this node's disk, and if not, where it came from. */
export function cacheStatus(source: ByteSource): string {
  return source === 'cache' ? 'layermesh; hit' : `${MISS}; detail=${source}`
}
