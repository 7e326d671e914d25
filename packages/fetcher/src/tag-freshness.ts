import type { TagRecord } from '@layermesh/interface'

/** How long a tag record may be believed, in milliseconds. */
export interface TagPolicy {
  /** For so long after upstream confirmed it, a record is used without asking. */
  readonly revalidateAfterMs: number
  /** For so long after that, it is used when upstream can't be asked. */
  readonly serveStaleForMs: number
}

/**
 * `fresh`: use it; `stale`: ask upstream, use it if upstream can't answer; `expired`: as if there were none.
 * A record from the future (the clock was set back) is stale, so that it is soon confirmed anew.
 */
export type TagFreshness = 'fresh' | 'stale' | 'expired'

/** Says how far a record may be believed at `nowMs` (Unix time in milliseconds). */
export function tagFreshness(
  record: Pick<TagRecord, 'confirmedAtMs'>,
  nowMs: number,
  policy: TagPolicy,
): TagFreshness {
  const ageMs = nowMs - record.confirmedAtMs
  if (ageMs < 0) return 'stale'
  if (ageMs < policy.revalidateAfterMs) return 'fresh'
  return ageMs < policy.revalidateAfterMs + policy.serveStaleForMs ? 'stale' : 'expired'
}
