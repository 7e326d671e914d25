import { SingleFlight } from '@layermesh/async'
import type { Exchange } from '@layermesh/exchange'
import {
  type Admission,
  type Clock,
  ContentUnavailableError,
  coversAccess,
  type Descriptor,
  type FetchOptions,
  LINK_CLASSES,
  type Log,
  type PeerNetwork,
  type ResolvedTag,
  type SourceScope,
  type TagRecord,
  type TagRef,
  type TagStore,
  type UpstreamClient,
  UpstreamDeniedError,
  type UpstreamManifest,
  UpstreamNotFoundError,
  UpstreamRateLimitedError,
  UpstreamUnknownError,
  UpstreamUnreachableError,
} from '@layermesh/interface'
import { LRUCache } from 'lru-cache'

import { askTagLeads, type LeadAnswer } from './tag-leads.ts'
import { tagFreshness, type TagFreshness, type TagPolicy } from './tag-freshness.ts'

/** How many members are asked for a tag's record when upstream can't be. */
const MAX_TAG_PEERS = 8

/**
 * How long upstream may take before what was known of a tag will do, in milliseconds. Clients are sent away after 10 s, and
 * peers may have to be asked in what is left of that.
 */
export const PATIENCE_MS = 3_000

/** For how long a tag that upstream didn't answer for is used without asking again, in milliseconds. */
export const TROUBLE_PAUSE_MS = 10_000

/** Tags that upstream is known not to answer for, at most. */
const MAX_TROUBLED_TAGS = 10_000

/** Collaborators of the resolver. */
export interface TagResolverDeps {
  readonly tags: TagStore
  readonly upstream: UpstreamClient
  readonly peers: Pick<Exchange, 'askTag'>
  readonly network: PeerNetwork
  /** The setting `sources`. */
  readonly sources: readonly SourceScope[]
  readonly clock: Clock
  readonly log: Log
  readonly tagPolicyOf: (upstream: string) => TagPolicy
  /** Keeps a manifest that came along with an answer, so that it isn't fetched again. */
  readonly keepManifest: (ref: TagRef, manifest: UpstreamManifest) => Promise<void>
}

/**
 * Says what a tag points to: by a fresh record, else by upstream, else by a stale record of ours or of a peer. However many
 * ask, upstream is asked for a tag once at a time, and its answer is noted also when nobody waits for it any more.
 */
export class TagResolver {
  readonly #deps: TagResolverDeps
  readonly #resolving = new SingleFlight<string, ResolvedTag>()
  readonly #confirming = new SingleFlight<string, ResolvedTag>()
  /** Until when upstream isn't asked for a tag, by the monotonic clock. */
  readonly #troubledUntilMs = new LRUCache<string, number>({ max: MAX_TROUBLED_TAGS })

  constructor(deps: TagResolverDeps) {
    this.#deps = deps
  }

  /** Throws as `ContentFetcher.resolveTag`. */
  async resolve(ref: TagRef, options: FetchOptions = {}): Promise<ResolvedTag> {
    const { clock } = this.#deps
    const record = await this.#find(ref)
    if (record !== undefined) {
      const freshness = this.#freshnessOf(ref, record)
      const isTroubled = clock.monotonicMs() < (this.#troubledUntilMs.get(keyOf(ref)) ?? -Infinity)
      if (freshness === 'fresh' || (freshness === 'stale' && isTroubled)) {
        return { ...factsOf(record), stale: freshness === 'stale', source: 'cache' }
      }
    }
    return this.#resolving.run(keyOf(ref), () => this.#resolve(ref, record), options)
  }

  async #resolve(ref: TagRef, known: TagRecord | undefined): Promise<ResolvedTag> {
    const { clock, log } = this.#deps
    const confirming = this.#confirming.run(keyOf(ref), () => this.#confirm(ref))
    const outcome = await this.#inTime(confirming)
    if (outcome?.status === 'fulfilled') return outcome.value
    // Upstream has spoken: a tag that is gone or forbidden is not served from memory.
    const failure: unknown = outcome?.reason
    if (isUpstreamsWord(failure)) throw failure
    const stale = this.#usable(ref, known, 'cache') ?? (await this.#askPeers(ref))
    if (stale === undefined) return this.#whenConfirmed(ref, confirming)
    const err = failure ?? new UpstreamUnreachableError(`no answer in ${PATIENCE_MS} ms`)
    log.warn({ ...ref, digest: stale.digest, source: stale.source, err }, 'stale tag used')
    this.#troubledUntilMs.set(keyOf(ref), clock.monotonicMs() + TROUBLE_PAUSE_MS)
    return stale
  }

  /** Asks upstream, through the leads where there are some, and takes note of what it says. */
  async #confirm(ref: TagRef): Promise<ResolvedTag> {
    const { clock, tags } = this.#deps
    try {
      const answer = await this.#askLeads(ref)
      const facts = answer === undefined ? await this.#askUpstream(ref) : factsOf(answer)
      const confirmedAtMs = answer?.confirmedAtMs ?? clock.now()
      await this.#keep(() => tags.put(ref, { ...facts, confirmedAtMs }), ref)
      this.#troubledUntilMs.delete(keyOf(ref))
      return { ...facts, stale: false, source: answer?.link ?? 'upstream' }
    } catch (error) {
      // What is not there for anybody may be there for others.
      if (error instanceof UpstreamNotFoundError && (await this.#find(ref)) !== undefined) {
        await this.#keep(() => tags.remove(ref), ref)
      }
      throw error
    }
  }

  /** What came of it; undefined when that takes longer than {@link PATIENCE_MS}. */
  async #inTime(confirming: Promise<ResolvedTag>): Promise<PromiseSettledResult<ResolvedTag> | undefined> {
    const late = Promise.withResolvers<undefined>()
    const cancel = this.#deps.clock.setTimer(PATIENCE_MS, () => late.resolve(undefined))
    try {
      const settled = Promise.allSettled([confirming]).then(([outcome]) => outcome)
      return await Promise.race([settled, late.promise])
    } finally {
      cancel()
    }
  }

  async #whenConfirmed(ref: TagRef, confirming: Promise<ResolvedTag>): Promise<ResolvedTag> {
    try {
      return await confirming
    } catch (error) {
      if (isUpstreamsWord(error) || error instanceof UpstreamRateLimitedError) throw error
      throw new ContentUnavailableError(`the tag ${ref.tag} can't be resolved`, { cause: error })
    }
  }

  /** Only members that have proven membership may say what a tag means: no digest vouches for their answer. */
  #askLeads(ref: TagRef): Promise<LeadAnswer | undefined> {
    const { network } = this.#deps
    if (!network.authenticated) return Promise.resolve(undefined)
    const isFresh = (record: TagRecord) =>
      coversAccess(record.access, ref.access) && this.#freshnessOf(ref, record) === 'fresh'
    return askTagLeads({ ...this.#deps, isFresh }, ref)
  }

  /** The record of a tag, unless it is for those with more access. */
  async #find(ref: TagRef): Promise<TagRecord | undefined> {
    const record = await this.#deps.tags.find(ref)
    return record !== undefined && coversAccess(record.access, ref.access) ? record : undefined
  }

  async #askUpstream(ref: TagRef): Promise<Descriptor & Admission> {
    const { upstream, keepManifest } = this.#deps
    const descriptor = await upstream.headManifest(ref, ref.tag)
    if (descriptor !== undefined) return descriptor
    const manifest = await upstream.getManifest(ref, ref.tag)
    await this.#keep(() => keepManifest(ref, manifest), ref)
    return factsOf(manifest)
  }

  /** What can't be stored, as on a full disk, is known all the same. */
  async #keep(store: () => Promise<void>, ref: TagRef): Promise<void> {
    try {
      await store()
    } catch (error) {
      this.#deps.log.warn({ ...ref, err: error }, 'tag not stored')
    }
  }

  /** Only members that have proven membership may say what a tag means: no digest vouches for their answer. */
  async #askPeers(ref: TagRef): Promise<ResolvedTag | undefined> {
    const { network, peers, log } = this.#deps
    if (!network.authenticated) return undefined
    const nearest = network
      .members()
      .toSorted((a, b) => LINK_CLASSES.indexOf(a.link) - LINK_CLASSES.indexOf(b.link))
      .slice(0, MAX_TAG_PEERS)
    const answers = await Promise.all(
      nearest.map(async (member) => {
        try {
          const record = await peers.askTag(member.peer, { ref })
          return { record, resolved: this.#usable(ref, record, member.link) }
        } catch (error) {
          log.debug({ ...ref, peer: member.peer, err: error }, 'peer could not say what a tag is')
          return undefined
        }
      }),
    )
    const newest = answers
      .filter((answer) => answer?.resolved !== undefined)
      .toSorted((a, b) => (b?.record?.confirmedAtMs ?? 0) - (a?.record?.confirmedAtMs ?? 0))[0]
    if (newest?.record !== undefined) await this.#adopt(ref, newest.record)
    return newest?.resolved
  }

  /** Keeps a peer's record, unless upstream has said something newer meanwhile. */
  async #adopt(ref: TagRef, record: TagRecord): Promise<void> {
    const { tags } = this.#deps
    const known = await this.#find(ref)
    if (known !== undefined && known.confirmedAtMs >= record.confirmedAtMs) return
    await this.#keep(() => tags.put(ref, record), ref)
  }

  #usable(
    ref: TagRef,
    record: TagRecord | undefined,
    source: ResolvedTag['source'],
  ): ResolvedTag | undefined {
    if (record === undefined || this.#freshnessOf(ref, record) === 'expired') return undefined
    return { ...factsOf(record), stale: true, source }
  }

  #freshnessOf({ upstream, tag }: TagRef, record: TagRecord): TagFreshness {
    const { clock, tagPolicyOf } = this.#deps
    return tagFreshness(tag, record, clock.now(), tagPolicyOf(upstream))
  }
}

function keyOf({ upstream, repository, tag, access }: TagRef): string {
  return JSON.stringify([upstream, repository, tag, access === 'login'])
}

function factsOf({ digest, mediaType, sizeBytes, access }: Descriptor & Admission): Descriptor & Admission {
  return { digest, mediaType, sizeBytes, ...(access === 'login' && { access }) }
}

function isUpstreamsWord(error: unknown): error is Error {
  return (
    error instanceof UpstreamNotFoundError ||
    error instanceof UpstreamDeniedError ||
    error instanceof UpstreamUnknownError
  )
}
