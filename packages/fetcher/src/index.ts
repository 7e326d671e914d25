/**
 * How content gets to this node: which source is asked next, how its bytes become a blob, what a tag points to.
 *
 * @packageDocumentation
 */
export { Fetcher, type FetcherDeps, type FetcherInit } from './fetcher.ts'
export type { UnwatchedFills } from './fill-job.ts'
export type { TagPolicy } from './tag-freshness.ts'
export { PeerOffences } from './peer-offences.ts'
export type { Source } from './source-plan.ts'
export { SourceRoster, type Rest, type SourceRosterDeps } from './source-roster.ts'
export { SlowPeers } from './slow-peers.ts'
export { UpstreamPauses } from './upstream-pauses.ts'
