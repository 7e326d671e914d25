import { SingleFlight } from '@layermesh/async'
import {
  type Access,
  type Clock,
  type ContentRef,
  ContentUnavailableError,
  coversAccess,
  type FetchOptions,
  type LinkStore,
  type Log,
  UpstreamDeniedError,
  type UpstreamClient,
  UpstreamNotFoundError,
  UpstreamRateLimitedError,
  type LayermeshError,
} from '@layermesh/interface'
import { LRUCache } from 'lru-cache'

import { readableReferences } from './readable-references.ts'

/** Confirmations that are kept in memory: looking one up on disk costs more than serving a small blob. */
const MAX_KNOWN = 50_000

/** Manifests of which it is known that what they refer to has been noted. */
const MAX_NOTED_MANIFESTS = 10_000

/** After how long the disk is looked at again, in milliseconds: a person may have purged the repository. */
export const KNOWN_FOR_MS = 60_000

/** Collaborators of {@link ContentRights}. */
export interface ContentRightsDeps {
  readonly links: LinkStore
  readonly upstream: UpstreamClient
  readonly clock: Clock
  readonly log: Log
}

/**
 * Under which repositories content may be given, and to whom. A digest grants nothing by itself: upstream must have confirmed the
 * content for the repository, with the access of who asks or less, or a manifest that refers to it.
 */
export class ContentRights {
  readonly #deps: ContentRightsDeps
  readonly #known: LRUCache<string, Access>
  readonly #notedManifests: LRUCache<string, true>
  /** Manifests that a confirmed index refers to. */
  readonly #listed: LRUCache<string, Access>
  readonly #asking = new SingleFlight<string, void>()
  /** Links on their way to the disk. */
  readonly #writing = new Set<Promise<void>>()

  constructor(deps: ContentRightsDeps) {
    this.#deps = deps
    // 0 would stand for an entry that has no time.
    const perf = { now: () => deps.clock.monotonicMs() + 1 }
    const life = { ttl: KNOWN_FOR_MS, ttlResolution: 0, perf }
    this.#known = new LRUCache({ max: MAX_KNOWN, ...life })
    this.#listed = new LRUCache({ max: MAX_NOTED_MANIFESTS, ...life })
    this.#notedManifests = new LRUCache({ max: MAX_NOTED_MANIFESTS, ...life })
  }

  /** Whether the content is known to be confirmed, without looking at the disk. */
  knows(ref: ContentRef): boolean {
    const known = this.#known.get(nameOf(ref))
    return known !== undefined && coversAccess(known, ref.access)
  }

  /**
   * Whether a confirmed index lists a manifest. That is enough to get it from others, and not to give what is here: registries take an
   * index whose manifests they don't have, so anybody could list what is private elsewhere.
   */
  isListed(ref: ContentRef): boolean {
    const listed = ref.kind === 'manifest' ? this.#listed.get(nameOf(ref)) : undefined
    return listed !== undefined && coversAccess(listed, ref.access)
  }

  /** Whether the content has been confirmed. */
  async has(ref: ContentRef): Promise<boolean> {
    if (this.knows(ref)) return true
    const links = await this.#deps.links.of(ref.digest)
    const granting = links.filter(
      (link) => nameOf(link) === nameOf(ref) && coversAccess(link.access, ref.access),
    )
    const [link] = granting.toSorted((a, b) => Number(a.access === 'login') - Number(b.access === 'login'))
    if (link === undefined) return false
    this.#know(link)
    return true
  }

  /**
   * Resolves when the content has been confirmed, for which upstream is asked if need be: by HEAD, once for all who ask at the
   * same time. Throws ERR_UPSTREAM_NOT_FOUND, ERR_UPSTREAM_DENIED and ERR_UPSTREAM_RATE_LIMITED as upstream says, and
   * ERR_CONTENT_UNAVAILABLE when it can't be asked.
   */
  async require(ref: ContentRef, { signal }: FetchOptions = {}): Promise<void> {
    if (await this.has(ref)) return
    const key = JSON.stringify([ref.access === 'login', ref.kind, nameOf(ref)])
    await this.#asking.run(key, () => this.#ask(ref), signal === undefined ? {} : { signal })
  }

  /** Takes note of a confirmation; the disk hears of it in the background. */
  note(ref: ContentRef): void {
    if (this.knows(ref)) return
    this.#know(ref)
    const writing = this.keep(ref).finally(() => this.#writing.delete(writing))
    this.#writing.add(writing)
  }

  /** Takes note of a confirmation; resolves when it is on disk. Not being able to is no reason to refuse content. */
  async keep(ref: ContentRef): Promise<void> {
    const { kind, upstream, repository, digest, access } = ref
    this.#know(ref)
    try {
      await this.#deps.links.put({
        kind,
        upstream,
        repository,
        digest,
        ...(access === 'login' && { access }),
      })
    } catch (err) {
      this.#deps.log.warn({ upstream, repository, digest, err }, 'link not stored')
    }
  }

  /** Takes note of what a manifest refers to, which has been confirmed itself. */
  noteReferences(ref: ContentRef, bytes: Uint8Array): void {
    const name = JSON.stringify([ref.access === 'login', nameOf(ref)])
    if (this.#notedManifests.has(name)) return
    this.#notedManifests.set(name, true)
    const { manifests, config, layers } = readableReferences(bytes)
    for (const { digest } of manifests) this.#list({ ...ref, digest })
    for (const { digest } of config === undefined ? layers : [config, ...layers]) {
      this.note({ ...ref, kind: 'blob', digest })
    }
  }

  /** Resolves when nothing is on its way to the disk. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#writing)
  }

  async #ask(ref: ContentRef): Promise<void> {
    const { upstream, log } = this.#deps
    const { kind, digest } = ref
    log.debug({ upstream: ref.upstream, repository: ref.repository, digest }, 'upstream asked for a right')
    try {
      const { access } =
        kind === 'blob'
          ? await upstream.headBlob(ref, digest)
          : ((await upstream.headManifest(ref, digest)) ?? (await upstream.getManifest(ref, digest)))
      this.note({ ...ref, access })
    } catch (error) {
      if (isUpstreamsWord(error)) throw error
      throw new ContentUnavailableError(`${digest} is not known in this repository`, { cause: error })
    }
  }

  #list(ref: ContentRef): void {
    const name = nameOf(ref)
    if (ref.access === 'login' && this.#listed.get(name) === 'anonymous') return
    this.#listed.set(name, ref.access ?? 'anonymous')
  }

  /** What has been confirmed for anybody stays so. */
  #know(ref: ContentRef): void {
    const name = nameOf(ref)
    if (ref.access === 'login' && this.#known.get(name) === 'anonymous') return
    this.#known.set(name, ref.access ?? 'anonymous')
  }
}

function nameOf({ upstream, repository, digest }: ContentRef): string {
  return `${digest} ${upstream} ${repository}`
}

function isUpstreamsWord(error: unknown): error is LayermeshError {
  return (
    error instanceof UpstreamNotFoundError ||
    error instanceof UpstreamDeniedError ||
    error instanceof UpstreamRateLimitedError
  )
}
