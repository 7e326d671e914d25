/**
 * How content gets to this node: which source is asked next, how its bytes become a blob, what a tag points to.
 *
 * @packageDocumentation
 */
export { Fetcher, type FetcherDeps, type FetcherInit } from './fetcher.ts'
export type { UnwatchedFills } from './fill-job.ts'
export type { TagPolicy } from './tag-freshness.ts'
