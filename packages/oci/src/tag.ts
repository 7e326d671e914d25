import { TagInvalidError } from '@layermesh/interface'
import { quoteInput } from './quote-input.ts'

const TAG = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/

/** Checks that `text` is a tag (distribution-spec 1.1, "Pulling manifests"). Throws ERR_TAG_INVALID. */
export function parseTag(text: string): string {
  if (!TAG.test(text)) throw new TagInvalidError(`${quoteInput(text)} is no tag`)
  return text
}

/** The digest that a tag stands for is cut to 32 characters of algorithm and 64 of hash. */
const REFERRERS_TAG = /^sha(?:256|512)-[0-9a-f]{64}(?:$|[.-])/

/**
 * Whether a tag holds what refers to a manifest: by the fallback of the distribution-spec 1.1, "Referrers Tag Schema", or with an ending,
 * as cosign keeps signatures.
 */
export function isReferrersTag(tag: string): boolean {
  return REFERRERS_TAG.test(tag)
}
