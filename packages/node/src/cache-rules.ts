import type { Config } from '@layermesh/config'
import type { CacheRule } from '@layermesh/interface'

/** The setting `cache.rules`, ready for use. */
export function cacheRules(rules: Config['cache']['rules']): readonly CacheRule[] {
  return rules.map(({ repository, tag, mediaType, ...rule }) => ({
    ...rule,
    repository: compiled(repository),
    tag: compiled(tag),
    mediaType: compiled(mediaType),
  }))
}

function compiled(pattern: string | undefined): RegExp | undefined {
  return pattern === undefined ? undefined : new RegExp(pattern, 'u')
}
