/** What a cache rule says of content: keep it as long as there is room, don't keep it at all, or never evict it. */
export type CacheAction = 'keep' | 'skip' | 'pin'

/** What is known of some content when a rule is to decide about it. */
export interface CachedFacts {
  readonly upstream: string
  readonly repository: string
  readonly sizeBytes: number
  /** The tag that it was last pulled by, itself or with the image that it belongs to; undefined when it isn't known. */
  readonly tag?: string | undefined
  /** As the manifest says that refers to it, or as it says itself; undefined when it isn't known. */
  readonly mediaType?: string | undefined
}

/** One rule: it holds for content that meets every condition that is given. */
export interface CacheRule {
  readonly upstream?: string | undefined
  readonly repository?: RegExp | undefined
  readonly tag?: RegExp | undefined
  readonly mediaType?: RegExp | undefined
  readonly largerThanBytes?: number | undefined
  readonly smallerThanBytes?: number | undefined
  readonly action: CacheAction
}

/** What the first rule says that holds; `keep` when none does. A condition on what isn't known is not met. */
export function cacheActionFor(facts: CachedFacts, rules: readonly CacheRule[]): CacheAction {
  return rules.find((rule) => holds(rule, facts))?.action ?? 'keep'
}

function holds(rule: CacheRule, { upstream, repository, sizeBytes, tag, mediaType }: CachedFacts): boolean {
  return (
    (rule.upstream === undefined || rule.upstream === upstream) &&
    matches(rule.repository, repository) &&
    matches(rule.tag, tag) &&
    matches(rule.mediaType, mediaType) &&
    (rule.largerThanBytes === undefined || sizeBytes > rule.largerThanBytes) &&
    (rule.smallerThanBytes === undefined || sizeBytes < rule.smallerThanBytes)
  )
}

function matches(pattern: RegExp | undefined, value: string | undefined): boolean {
  return pattern === undefined || (value !== undefined && pattern.test(value))
}
