import type { Level } from 'level'
import type { IndexChange } from './index-change.ts'

/** How the index is brought from one schema to the next. */
export interface Migration {
  /**
   * The changes in batches that are applied one after the other, each as a whole; the number of the new schema goes with
   * the last one. A crash may come between two of them: then all are made anew, of an index in which some have
   * been applied already. Work on what is there as of the first batch, in portions: an index may be large.
   */
  changes(db: Level): AsyncIterable<readonly IndexChange[]>
}

/**
 * Links, peers' records and manifests are new in 2, and begin empty; of blobs, when they were used and verified. A blob
 * without that counts as used now and as never verified.
 */
const addLinksAndPeers: Migration = {
  async *changes() {},
}

/** The first one leads from schema 1 to 2, the next one to 3, and so on. Never change one that was released. */
export const MIGRATIONS: readonly Migration[] = [addLinksAndPeers]
