import { NameInvalidError } from '@layermesh/interface'
import { quoteInput } from './quote-input.ts'

/** The longest name that we take, in characters; many clients allow no more, and it bounds the work of the grammar. */
export const MAX_REPOSITORY_NAME_LENGTH = 255

const NAME_COMPONENT = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*'
const REPOSITORY_NAME = new RegExp(`^${NAME_COMPONENT}(?:/${NAME_COMPONENT})*$`)

/**
 * Checks that `text` is a repository name: the `<name>` of the distribution-spec 1.1, "Pulling manifests".
 * Throws ERR_NAME_INVALID.
 */
export function parseRepositoryName(text: string): string {
  if (text.length > MAX_REPOSITORY_NAME_LENGTH) {
    throw new NameInvalidError(`a repository name has at most ${MAX_REPOSITORY_NAME_LENGTH} characters`)
  }
  if (!REPOSITORY_NAME.test(text)) throw new NameInvalidError(`${quoteInput(text)} is no repository name`)
  return text
}
