import type { ContentRef } from './content.ts'
import type { Digest } from './digest.ts'

/**
 * In which repositories of which upstreams content is known here. Content is stored once; a link says that upstream has
 * confirmed it under a repository, and with which access. Links survive a restart, and are gone once the content is.
 */
export interface LinkStore {
  /** Adds a link, if it isn't there; one with `anonymous` access takes the place of one with `login`. Only some for a digest are kept: the newest. */
  put(ref: ContentRef): Promise<void>
  /** The links of a digest, newest last. */
  of(digest: Digest): Promise<readonly ContentRef[]>
  /** Drops one link, if it is there. */
  remove(ref: ContentRef): Promise<void>
  /** Every link, by digest. */
  list(): AsyncIterable<ContentRef>
}
