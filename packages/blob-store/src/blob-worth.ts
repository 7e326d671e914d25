import type { CopyCounts } from '@layermesh/interface'
import { idleMs, type Usage } from './usage.ts'

const HOUR_MS = 60 * 60 * 1000

/** A blob that has just come in isn't taken for one that is used all the time: its rate is over this time at least. */
const MIN_RATE_MS = 6 * HOUR_MS
/** After this long without a use, a blob is worth half of what it was; after twice as long, a third. */
const HALF_WORTH_MS = 12 * HOUR_MS
/** Most blobs that were used once never are again: layers of CI. They are worth this part until they are. */
const USED_ONCE_PART = 0.3
/** A request costs about as much as this many more bytes, so small blobs are worth more for the room that they take. */
const REQUEST_COST_BYTES = 1_000_000

/**
 * What it costs to get a byte again, by where its nearest other copy is. Less steep than the links themselves are, because the
 * copies that make a blob cheap now may be gone when it is wanted.
 */
const REFETCH_COST = { site: 1, region: 2, world: 4, upstream: 6 }

/**
 * How much a node's rank for a blob sways what its copy is worth when there are others in the site: from half to one and a half
 * times as much. Some let it go early, one keeps it for all, and they need not talk about it.
 */
const RANK_SWAY = 1

/** What decides how much a blob is worth to the node that holds it. */
export interface HeldBlob {
  readonly sizeBytes: number
  readonly usage: Usage
  /** How many other nodes hold it. */
  readonly copies: CopyCounts
}

/**
 * What it is worth to keep a blob, for each byte of room that it takes: how often it is wanted, times what it costs to get
 * it again. Only comparisons of worths at the same time mean anything. `rank` is this node's for the blob, from 0 to
 * below 1.
 */
export function blobWorth({ sizeBytes, usage, copies }: HeldBlob, nowMs: number, rank: number): number {
  return useRate(usage, nowMs) * refetchCost(copies, rank) * (1 + REQUEST_COST_BYTES / (sizeBytes + 1))
}

function useRate(usage: Usage, nowMs: number): number {
  const ageMs = Math.max(0, nowMs - usage.firstUsedAtMs)
  const uses = usage.uses === 1 ? USED_ONCE_PART : usage.uses
  const fading = 1 + idleMs(usage, nowMs) / HALF_WORTH_MS
  return uses / (ageMs + MIN_RATE_MS) / fading
}

function refetchCost({ site, region, world }: CopyCounts, rank: number): number {
  // The more copies a site has, the less each is worth: what is surplus goes first.
  if (site > 0) return (REFETCH_COST.site * (1 + RANK_SWAY * (rank - 0.5)) * 2) / (site + 1)
  if (region > 0) return REFETCH_COST.region
  return world > 0 ? REFETCH_COST.world : REFETCH_COST.upstream
}
