import type { Digest } from '@layermesh/interface'
import { parseDigest } from './digest.ts'
import { parseTag } from './tag.ts'

/** What a manifest is asked for by. */
export type Reference =
  { readonly kind: 'digest'; readonly digest: Digest } | { readonly kind: 'tag'; readonly tag: string }

/** Whether a reference is meant as a digest: a colon is legal in no tag, so what has one is a digest, right or wrong. */
export function isDigestReference(text: string): boolean {
  return text.includes(':')
}

/** Reads the `<reference>` of a manifest request. Throws ERR_DIGEST_INVALID or ERR_TAG_INVALID. */
export function parseReference(text: string): Reference {
  return isDigestReference(text)
    ? { kind: 'digest', digest: parseDigest(text) }
    : { kind: 'tag', tag: parseTag(text) }
}
