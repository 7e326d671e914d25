import type { TagRecord } from '@layermesh/interface'

/** How long a tag record may be believed. */
export interface TagPolicy {
  /** For so long after upstream confirmed it, a record is used without asking, in milliseconds. */
  readonly revalidateAfterMs: number
  /** For so long after that, it is used when upstream can't be asked, in milliseconds. */
  readonly serveStaleForMs: number
  /** Tags that never move: a record of one is used for as long as there is one. */
  readonly immutable: readonly RegExp[]
}

/**
 * `fresh`: use it; `stale`: ask upstream, use it if upstream can't answer; `expired`: as if there were none.
 * A record from the future (the clock was set back) is stale, so that it is soon confirmed anew.
 */
export type TagFreshness = 'fresh' | 'stale' | 'expired'

/** Says how far a record of `tag` may be believed at `nowMs` (Unix time in milliseconds). */
export function tagFreshness(
  tag: string,
  record: Pick<TagRecord, 'confirmedAtMs'>,
  nowMs: number,
  policy: TagPolicy,
): TagFreshness {
  if (policy.immutable.some((pattern) => pattern.test(tag))) return 'fresh'
  const ageMs = nowMs - record.confirmedAtMs
  if (ageMs < 0) return 'stale'
  if (ageMs < policy.revalidateAfterMs) return 'fresh'
  return ageMs < policy.revalidateAfterMs + policy.serveStaleForMs ? 'stale' : 'expired'
}
