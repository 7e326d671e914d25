import {
  type Access,
  type Digest,
  type RepositoryRef,
  UpstreamNotFoundError,
  type UpstreamLists,
  type UpstreamOptions,
  type UpstreamReferrers,
  type UpstreamTags,
} from '@layermesh/interface'

/** Lists that a test has put there. */
export class ScriptedLists implements UpstreamLists {
  /** What was asked for: the repository at its upstream, the digest if it was referrers, and the query. */
  readonly asked: string[] = []
  /** With which access, in the same order. */
  readonly access: (Access | undefined)[] = []
  tags: UpstreamTags | undefined
  referrers: UpstreamReferrers | undefined
  /** Runs before each answer; what it throws is the answer. */
  onAsk: (signal: AbortSignal | undefined) => Promise<void> = async () => {}

  async getTags(ref: RepositoryRef, query: string, options?: UpstreamOptions): Promise<UpstreamTags> {
    this.asked.push(`${ref.upstream}/${ref.repository}?${query}`)
    this.access.push(ref.access)
    await this.onAsk(options?.signal)
    if (this.tags === undefined) throw new UpstreamNotFoundError('upstream said 404')
    return this.tags
  }

  async getReferrers(
    ref: RepositoryRef,
    digest: Digest,
    query: string,
    options?: UpstreamOptions,
  ): Promise<UpstreamReferrers> {
    this.asked.push(`${ref.upstream}/${ref.repository}@${digest}?${query}`)
    this.access.push(ref.access)
    await this.onAsk(options?.signal)
    if (this.referrers === undefined) throw new UpstreamNotFoundError('upstream said 404')
    return this.referrers
  }
}
