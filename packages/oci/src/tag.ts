import { TagInvalidError } from '@layermesh/interface'
import { quoteInput } from './quote-input.ts'

const TAG = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/

/** Checks that `text` is a tag (distribution-spec 1.1, "Pulling manifests"). Throws ERR_TAG_INVALID. */
export function parseTag(text: string): string {
  if (!TAG.test(text)) throw new TagInvalidError(`${quoteInput(text)} is no tag`)
  return text
}
