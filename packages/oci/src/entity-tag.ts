import type { Digest } from '@layermesh/interface'

/** The `ETag` of content: its digest, a strong validator (RFC 9110 §8.8.3). */
export function entityTag(digest: Digest): string {
  return `"${digest}"`
}

/** Whether an `If-None-Match` header names the content (RFC 9110 §13.1.2); clients also send the digest unquoted. */
export function noneMatchNames(header: string | undefined, digest: Digest): boolean {
  if (header === undefined) return false
  return header.split(',').some((element) => {
    const tag = element.trim().replace(/^W\//, '')
    return tag === '*' || tag === entityTag(digest) || tag === digest
  })
}

/**
 * Whether a `Range` header is to be honoured in the light of `If-Range` (RFC 9110 §13.1.5): when there is none, or it
 * names the content by its strong tag. A date never does, since we send no Last-Modified.
 */
export function ifRangeHolds(header: string | undefined, digest: Digest): boolean {
  return header === undefined || header.trim() === entityTag(digest) || header.trim() === digest
}
