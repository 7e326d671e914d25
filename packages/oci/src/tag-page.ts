/** A page of tags, and the query of the next one; undefined after the last. */
export interface TagPage {
  readonly tags: readonly string[]
  readonly nextQuery: string | undefined
}

/**
 * Makes of what upstream gave the page that was asked for with `query`: at most `n` tags, those after `last`
 * (distribution-spec 1.1, "Listing Tags"). Registries that don't know these parameters give the whole list each time.
 */
export function cutTagPage({ tags, nextQuery }: TagPage, query: string): TagPage {
  const parameters = new URLSearchParams(query)
  const count = Number(parameters.get('n') ?? Infinity)
  if (count === 0) return { tags: [], nextQuery: undefined }
  // Never part of a page that begins after it.
  const after = tags.slice(tags.indexOf(parameters.get('last') ?? '') + 1)
  const page = after.slice(0, count)
  const end = page.at(-1)
  if (end === undefined || page.length === after.length) return { tags: page, nextQuery }
  parameters.set('last', end)
  return { tags: page, nextQuery: parameters.toString() }
}
