import type { RepositoryRef } from './content.ts'
import type { Digest } from './digest.ts'
import type { UpstreamOptions } from './upstream-client.ts'

/** One page of a list. */
interface UpstreamPage {
  /** The query by which upstream gives the next page, without a question mark; undefined after the last. */
  readonly nextQuery: string | undefined
}

/** A page of a repository's tags, in upstream's order. */
export interface UpstreamTags extends UpstreamPage {
  readonly tags: readonly string[]
}

/** A page of what refers to a manifest: an index, as upstream sent it. */
export interface UpstreamReferrers extends UpstreamPage {
  readonly bytes: Uint8Array
  /** What upstream says it has filtered by; undefined when it hasn't. */
  readonly filtersApplied: string | undefined
}

/**
 * The lists that only upstream can give (distribution-spec 1.1, "Listing Tags" and "Listing Referrers"). `query` goes along
 * as it is, without a question mark. Each throws as the methods of `UpstreamClient`; ERR_UPSTREAM_NOT_FOUND for referrers
 * means that upstream has no such endpoint, not that there are none.
 */
export interface UpstreamLists {
  getTags(ref: RepositoryRef, query: string, options?: UpstreamOptions): Promise<UpstreamTags>
  getReferrers(
    ref: RepositoryRef,
    digest: Digest,
    query: string,
    options?: UpstreamOptions,
  ): Promise<UpstreamReferrers>
}
