import { SingleFlight } from '@layermesh/async'
import type { Exchange } from '@layermesh/exchange'
import {
  type Clock,
  ContentUnavailableError,
  type Descriptor,
  type FetchOptions,
  LINK_CLASSES,
  type Log,
  type PeerNetwork,
  type ResolvedTag,
  type TagRecord,
  type TagRef,
  type TagStore,
  type UpstreamClient,
  UpstreamDeniedError,
  type UpstreamManifest,
  UpstreamNotFoundError,
  UpstreamRateLimitedError,
  UpstreamUnknownError,
} from '@layermesh/interface'

import { tagFreshness, type TagPolicy } from './tag-freshness.ts'

/** How many members are asked for a tag's record when upstream can't be. */
const MAX_TAG_PEERS = 8

/** Collaborators of the resolver. */
export interface TagResolverDeps {
  readonly tags: TagStore
  readonly upstream: UpstreamClient
  readonly peers: Pick<Exchange, 'askTag'>
  readonly network: PeerNetwork
  readonly clock: Clock
  readonly log: Log
  readonly tagPolicyOf: (upstream: string) => TagPolicy
  /** Keeps a manifest that came along with an answer, so that it isn't fetched again. */
  readonly keepManifest: (manifest: UpstreamManifest) => Promise<void>
}

/** Says what a tag points to: by a fresh record, else by upstream, else by a stale record of ours or of a peer. */
export class TagResolver {
  readonly #deps: TagResolverDeps
  readonly #asking = new SingleFlight<string, ResolvedTag>()

  constructor(deps: TagResolverDeps) {
    this.#deps = deps
  }

  /** Throws as `ContentFetcher.resolveTag`. */
  async resolve(ref: TagRef, options: FetchOptions = {}): Promise<ResolvedTag> {
    const { clock, tags, tagPolicyOf } = this.#deps
    const record = await tags.find(ref)
    if (record !== undefined && tagFreshness(record, clock.now(), tagPolicyOf(ref.upstream)) === 'fresh') {
      return { ...descriptorOf(record), stale: false, source: 'cache' }
    }
    return this.#asking.run(
      JSON.stringify([ref.upstream, ref.repository, ref.tag]),
      () => this.#ask(ref, record),
      options,
    )
  }

  async #ask(ref: TagRef, known: TagRecord | undefined): Promise<ResolvedTag> {
    const { clock, log } = this.#deps
    let descriptor: Descriptor
    try {
      descriptor = await this.#askUpstream(ref)
    } catch (error) {
      // Upstream has spoken: a tag that is gone or forbidden is not served from memory.
      if (error instanceof UpstreamNotFoundError) await this.#deps.tags.remove(ref)
      if (isUpstreamsWord(error)) throw error
      const stale = this.#usable(ref, known, 'cache') ?? (await this.#askPeers(ref))
      if (stale === undefined) {
        if (error instanceof UpstreamRateLimitedError) throw error
        throw new ContentUnavailableError(`the tag ${ref.tag} can't be resolved`, { cause: error })
      }
      log.warn({ ...ref, digest: stale.digest, source: stale.source, err: error }, 'stale tag used')
      return stale
    }
    await this.#keep(() => this.#deps.tags.put(ref, { ...descriptor, confirmedAtMs: clock.now() }), ref)
    return { ...descriptor, stale: false, source: 'upstream' }
  }

  async #askUpstream(ref: TagRef): Promise<Descriptor> {
    const { upstream, keepManifest } = this.#deps
    const descriptor = await upstream.headManifest(ref, ref.tag)
    if (descriptor !== undefined) return descriptor
    const manifest = await upstream.getManifest(ref, ref.tag)
    await this.#keep(() => keepManifest(manifest), ref)
    return descriptorOf(manifest)
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
    const { network, peers, tags, log } = this.#deps
    if (!network.authenticated) return undefined
    const nearest = network
      .members()
      .toSorted((a, b) => LINK_CLASSES.indexOf(a.link) - LINK_CLASSES.indexOf(b.link))
      .slice(0, MAX_TAG_PEERS)
    const answers = await Promise.all(
      nearest.map(async (member) => {
        try {
          const record = await peers.askTag(member.peer, ref)
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
    if (newest?.record !== undefined) await tags.put(ref, newest.record)
    return newest?.resolved
  }

  #usable(
    ref: TagRef,
    record: TagRecord | undefined,
    source: ResolvedTag['source'],
  ): ResolvedTag | undefined {
    if (record === undefined) return undefined
    const { clock, tagPolicyOf } = this.#deps
    if (tagFreshness(record, clock.now(), tagPolicyOf(ref.upstream)) === 'expired') return undefined
    return { ...descriptorOf(record), stale: true, source }
  }
}

function descriptorOf({ digest, mediaType, sizeBytes }: Descriptor): Descriptor {
  return { digest, mediaType, sizeBytes }
}

function isUpstreamsWord(error: unknown): boolean {
  return (
    error instanceof UpstreamNotFoundError ||
    error instanceof UpstreamDeniedError ||
    error instanceof UpstreamUnknownError
  )
}
