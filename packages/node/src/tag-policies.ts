import type { Config } from '@layermesh/config'
import type { TagPolicy } from '@layermesh/fetcher'
import { UpstreamUnknownError } from '@layermesh/interface'

/** Looks up how long an upstream's tags are believed. The function throws ERR_UPSTREAM_UNKNOWN for a host that is not mirrored. */
export function tagPolicies({ otherUpstreams, upstreams }: Config): (host: string) => TagPolicy {
  const policies = new Map(upstreams.map(({ host, tags }) => [host, tagPolicy(tags)]))
  const otherwise = otherUpstreams.allow ? tagPolicy(otherUpstreams.tags) : undefined
  return (host) => {
    const policy = policies.get(host) ?? otherwise
    if (policy === undefined) throw new UpstreamUnknownError(`${host} is not one of the upstreams`)
    return policy
  }
}

function tagPolicy({ immutable, ...windows }: Config['upstreams'][number]['tags']): TagPolicy {
  return { ...windows, immutable: immutable.map((pattern) => new RegExp(pattern, 'u')) }
}
