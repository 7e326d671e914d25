import type { ContentRef } from './content.ts'
import type { Digest } from './digest.ts'

/**
 * In which repositories of which upstreams content is known here. Content is stored once; a link says that it was had
 * under a repository. Links survive a restart, and are gone once the content is.
 */
export interface LinkStore {
  /** Adds a link, if it isn't there. Only some for a digest are kept: the newest. */
  put(ref: ContentRef): Promise<void>
  /** The links of a digest, newest last. */
  of(digest: Digest): Promise<readonly ContentRef[]>
  /** Drops one link, if it is there. */
  remove(ref: ContentRef): Promise<void>
  /** Every link, by digest. */
  list(): AsyncIterable<ContentRef>
}
