import { abortable, SingleFlight } from '@layermesh/async'
import type { ContentProvider, Exchange } from '@layermesh/exchange'
import {
  type BlobFacts,
  BlobNotFoundError,
  cacheActionFor,
  type CacheRule,
  type ContentFetcher,
  type ContentRef,
  ContentUnavailableError,
  type Counter,
  type Digest,
  type FetchedBlob,
  type FetchedManifest,
  type FetchOptions,
  LINK_CLASSES,
  type LinkStore,
  type Metrics,
  type PeerNetwork,
  type OpenBlobOptions,
  type ResolvedTag,
  type SourceScope,
  type TagRef,
  type TagStore,
  UpstreamProtocolError,
} from '@layermesh/interface'
import { MAX_MANIFEST_BYTES, manifestMediaType } from '@layermesh/oci'
import { LRUCache } from 'lru-cache'

import { NodeContentProvider } from './content-provider.ts'
import { ContentPedigree } from './content-pedigree.ts'
import { ContentRights } from './content-rights.ts'
import { FollowedBlob, type GoOnReading, HeldBlob, type InterruptedRead } from './fetched-blob.ts'
import type { FetchedFacts } from './copy-from-source.ts'
import type { FillJob, FillJobDeps, UnwatchedFills } from './fill-job.ts'
import { FillJobs } from './fill-jobs.ts'
import type { Watcher } from './fill-watchers.ts'
import type { BlobPrefix } from './passing-fill.ts'
import { notingUpstream } from './noting-upstream.ts'
import { PeerOffences } from './peer-offences.ts'
import { RefetchQueue } from './refetch-queue.ts'
import { SlowPeers } from './slow-peers.ts'
import { RunningTransfers } from './source-rate.ts'
import type { TagPolicy } from './tag-freshness.ts'
import { TagResolver } from './tag-resolver.ts'
import { isRefusedByStore, UnkeptFills } from './unkept-fills.ts'
import { UpstreamPauses } from './upstream-pauses.ts'

/** Bytes of manifests kept in memory: they are asked for several times in each pull, and are small. */
const MANIFEST_CACHE_BYTES = 16 * 1024 * 1024

/** Collaborators of the fetcher. */
export interface FetcherDeps extends Omit<
  FillJobDeps,
  | 'onFetched'
  | 'onKept'
  | 'confirm'
  | 'isToBeKept'
  | 'offences'
  | 'unkept'
  | 'pauses'
  | 'slowPeers'
  | 'running'
> {
  readonly network: PeerNetwork
  readonly tags: TagStore
  readonly links: LinkStore
  readonly peers: Pick<Exchange, 'open' | 'askTag'>
  readonly metrics: Metrics
}

/** Settings of the fetcher. */
export interface FetcherInit {
  /** The setting `sources`. */
  readonly sources: readonly SourceScope[]
  /** The setting `cache.unwatchedFills`. */
  readonly unwatchedFills: UnwatchedFills
  readonly tagPolicyOf: (upstream: string) => TagPolicy
  /** The setting `cache.rules`. */
  readonly rules: readonly CacheRule[]
}

/** A manifest in memory. */
interface KnownManifest {
  readonly bytes: Uint8Array
  readonly mediaType: string
}

/**
 * Content from this node's disk, else from peers, else from upstream; each missing blob is fetched once at a time. What the
 * disk has no place for is passed on without being kept.
 */
export class Fetcher implements ContentFetcher {
  /** What this node gives to its peers. */
  readonly provider: ContentProvider
  readonly #deps: FetcherDeps
  readonly #fetched: Counter
  readonly #rights: ContentRights
  readonly #pedigree = new ContentPedigree()
  readonly #isToBeKept: FillJobDeps['isToBeKept']
  readonly #jobs: FillJobs
  readonly #tags: TagResolver
  readonly #refetches: RefetchQueue
  readonly #manifests: LRUCache<Digest, KnownManifest>
  readonly #readingManifests = new SingleFlight<string, FetchedManifest>()

  constructor(given: FetcherDeps, init: FetcherInit) {
    const rights = new ContentRights(given)
    const deps: FetcherDeps = {
      ...given,
      upstream: notingUpstream(given.upstream, (ref) => rights.note(ref)),
      peers: vouchingPeers(given.peers, rights),
    }
    this.#deps = deps
    this.#rights = rights
    const labels = { source: [...LINK_CLASSES, 'upstream'] }
    this.#fetched = deps.metrics.counter({
      name: 'fetched_bytes_total',
      help: 'Bytes of manifests and blobs that this node fetched, by where they came from.',
      labels,
    })
    const unkept = deps.metrics.counter({
      name: 'unkept_bytes_total',
      help: 'Fetched bytes that were passed on without being kept, because the disk had no place for them or a rule said so.',
      labels,
    })
    const duplicate = deps.metrics.counter({
      name: 'duplicate_upstream_bytes_total',
      help: 'Bytes that this node fetched from upstream although others that it may ask first had them, or may have been getting them.',
    })
    const onFetched = (source: SourceScope, bytes: number, { isKept, isDuplicate }: FetchedFacts) => {
      this.#fetched.add(bytes, { source })
      if (!isKept) unkept.add(bytes, { source })
      if (isDuplicate) duplicate.add(bytes)
    }
    const pauses = new UpstreamPauses(deps.clock)
    const isToBeKept = (ref: ContentRef, sizeBytes: number) =>
      cacheActionFor({ ...ref, ...this.#pedigree.of(ref), sizeBytes }, init.rules) !== 'skip'
    this.#isToBeKept = isToBeKept
    this.#jobs = new FillJobs(
      {
        ...deps,
        offences: new PeerOffences(),
        unkept: new UnkeptFills(),
        pauses,
        slowPeers: new SlowPeers(deps.clock),
        running: new RunningTransfers(),
        onFetched,
        isToBeKept,
        confirm: (ref, options) => rights.require(ref, options),
        onKept: async (ref) => {
          // What peers give that have proven nothing has not been confirmed by that.
          if (deps.network.authenticated || rights.isListed(ref) || (await rights.has(ref)))
            await rights.keep(ref)
        },
      },
      init,
    )
    this.#refetches = new RefetchQueue((ref) => this.#fetchForNobody(ref), deps.log)
    this.provider = new NodeContentProvider({
      ...deps,
      ...{
        rights,
        jobs: this.#jobs,
        pauses,
        tagPolicyOf: init.tagPolicyOf,
        resolveTag: (ref) => this.#tags.resolve(ref),
      },
    })
    this.#tags = new TagResolver({
      ...deps,
      sources: init.sources,
      tagPolicyOf: init.tagPolicyOf,
      keepManifest: async (ref, { digest, bytes, mediaType }) => {
        this.#pedigree.noteTag({ ...ref, digest }, { tag: ref.tag, mediaType })
        let isKept = false
        try {
          if (!isToBeKept({ ...ref, kind: 'manifest', digest }, bytes.length)) return
          this.#manifests.set(digest, { bytes, mediaType: manifestMediaType(bytes) })
          await this.#jobs.keep(digest, bytes)
          isKept = true
        } finally {
          onFetched('upstream', bytes.length, { isKept, isDuplicate: false })
        }
      },
    })
    this.#manifests = new LRUCache({
      maxSize: MANIFEST_CACHE_BYTES,
      sizeCalculation: ({ bytes }) => Math.max(1, bytes.length),
    })
  }

  /** How many blobs are being fetched now. */
  get fills(): number {
    return this.#jobs.size
  }

  /** Bytes that have been fetched from a scope since the start. */
  fetchedBytes(source: SourceScope): number {
    return this.#fetched.value({ source })
  }

  async resolveTag(ref: TagRef, options?: FetchOptions): Promise<ResolvedTag> {
    const { store } = this.#deps
    const resolved = await this.#tags.resolve(ref, options)
    const { digest, access } = resolved
    store.used(digest)
    const { upstream, repository } = ref
    this.#rights.note({ kind: 'manifest', upstream, repository, digest, access })
    this.#pedigree.noteTag({ ...ref, digest }, { tag: ref.tag, mediaType: resolved.mediaType })
    // Upstreams that answer HEAD carelessly name another type than the manifest has.
    const known = this.#manifests.get(digest)
    return known === undefined
      ? resolved
      : { ...resolved, mediaType: known.mediaType, sizeBytes: known.bytes.length }
  }

  async getManifest(ref: ContentRef, options?: FetchOptions): Promise<FetchedManifest> {
    const { digest } = ref
    const known = this.#manifests.get(digest)
    if (known !== undefined) {
      await this.#rights.require(ref, options)
      this.#rights.noteReferences(ref, known.bytes)
      this.#pedigree.noteReferences(ref, known.bytes)
      this.#deps.store.used(digest)
      return { ...known, digest, sizeBytes: known.bytes.length, source: 'cache' }
    }
    const key = JSON.stringify([ref.kind, ref.upstream, ref.repository, digest, ref.access === 'login'])
    return this.#readingManifests.run(key, () => this.#readManifest(ref), options)
  }

  async statBlob(ref: ContentRef, options?: FetchOptions): Promise<BlobFacts> {
    const { directory, network, peers, store, upstream } = this.#deps
    const isConfirmed = await this.#rights.has(ref)
    if (!isConfirmed && !this.#mayPeersConfirm()) {
      return { ...(await upstream.headBlob(ref, ref.digest, options)), source: 'upstream' }
    }
    const held = await store.stat(ref.digest)
    if (held !== undefined) await this.#rights.require(ref, options)
    if (held !== undefined) return { sizeBytes: held.sizeBytes, source: 'cache' }
    const job = this.#jobs.find(ref.digest)
    if (job?.isFor(ref) === true) {
      const { fill } = await job.whenBegun(options?.signal)
      if (fill !== undefined) return { sizeBytes: fill.sizeBytes, source: job.source }
    }
    const holders = directory.holders(ref.digest)
    for (const { peer, link } of network.members().filter((member) => holders.includes(member.peer))) {
      try {
        await using transfer = await peers.open(peer, { ref }, options)
        return { sizeBytes: transfer.sizeBytes, source: link }
      } catch (error) {
        options?.signal?.throwIfAborted()
        this.#deps.log.debug({ digest: ref.digest, peer, err: error }, 'source failed')
      }
    }
    return { ...(await upstream.headBlob(ref, ref.digest, options)), source: 'upstream' }
  }

  async openBlob(ref: ContentRef, options?: OpenBlobOptions): Promise<FetchedBlob> {
    const { store } = this.#deps
    // A client that misses waits for both: at once. What changes afterwards the job finds out.
    const [wasConfirmed, stat] = await Promise.all([this.#rights.has(ref), store.stat(ref.digest)])
    let isConfirmed = wasConfirmed
    let isHeld = stat !== undefined
    const confirm = async () => {
      if (!isConfirmed) await this.#rights.require(ref, options)
      isConfirmed = true
    }
    for (;;) {
      if (options?.heldOnly === true || this.#jobs.find(ref.digest) === undefined) {
        if (options?.heldOnly !== true && !this.#mayPeersConfirm() && !this.#rights.isListed(ref))
          await confirm()
        if (isHeld) await confirm()
        const goOn: GoOnReading = (read, options) => this.#goOnReading(ref, read, options)
        const held = isHeld ? await this.#openStored(ref.digest, goOn) : undefined
        if (held !== undefined) return held
      }
      if (options?.heldOnly === true) throw new ContentUnavailableError(`${ref.digest} is not held here`)
      const job = this.#jobs.join(ref)
      // What comes for this repository is confirmed by its coming.
      if (!job.isFor(ref)) await confirm()
      try {
        const blob = await this.#follow(job, ref, 'client', options)
        if (!isConfirmed && this.#deps.network.authenticated) this.#rights.note(ref)
        if (blob !== undefined) return blob
      } catch (error) {
        options?.signal?.throwIfAborted()
        if (isRefusedByStore(error)) return await this.#passOn(ref, error, options)
        if (job.isFor(ref)) throw error
      }
      // It could not get the blob from where another caller wanted it. Until its end it would be joined again.
      await abortable(Promise.allSettled([job.done]), options?.signal)
      isHeld = (await store.stat(ref.digest)) !== undefined
    }
  }

  /** Gets a blob again that this node has lost: in the background, a few at a time. What goes wrong is logged. */
  refetch(ref: ContentRef): void {
    this.#refetches.add(ref)
  }

  /** Ends all fetching; what has come of a blob stays for the next start. Idempotent. */
  async stop(): Promise<void> {
    this.#refetches.stop()
    await this.#jobs.stop()
    await this.#rights.settled()
  }

  /** Whether content that isn't here may come from wherever it is: who gives it has had it confirmed, and is to be believed, or is upstream. */
  #mayPeersConfirm(): boolean {
    const { network } = this.#deps
    return network.authenticated || network.members().length === 0
  }

  async #openStored(digest: Digest, goOn: GoOnReading): Promise<FetchedBlob | undefined> {
    try {
      return new HeldBlob(await this.#deps.store.open(digest), goOn)
    } catch (error) {
      // It was removed in between.
      if (error instanceof BlobNotFoundError) return undefined
      throw error
    }
  }

  /** The blob that `job` gets; undefined when it could not be kept, or was removed again, before it could be opened. */
  async #follow(
    job: FillJob,
    ref: ContentRef,
    watcher: Watcher,
    options: FetchOptions | undefined,
  ): Promise<FetchedBlob | undefined> {
    const opened = await job.follow(watcher, options?.signal)
    if (opened !== undefined) return new FollowedBlob(this.#jobs, ref, job, opened)
    // Damaged again as soon as it is here? Then the disk is not to be tried a third time.
    return this.#openStored(ref.digest, ({ error }) => Promise.reject(error))
  }

  /** The blob for one client, without keeping it; `prefix` is what that client has had. */
  async #passOn(
    ref: ContentRef,
    reason: Error,
    options: FetchOptions | undefined,
    prefix?: BlobPrefix,
  ): Promise<FetchedBlob> {
    const job = this.#jobs.pass(ref, reason, prefix)
    const opened = await job.follow('client', options?.signal)
    if (opened === undefined)
      throw new ContentUnavailableError(`${ref.digest} is not kept`, { cause: reason })
    return new FollowedBlob(this.#jobs, ref, job, opened)
  }

  /** The blob for the rest of a read of a file that is damaged: the store has dropped that, and it is fetched again. */
  async #goOnReading(
    ref: ContentRef,
    { handle, left, error }: InterruptedRead,
    options: FetchOptions | undefined,
  ): Promise<FetchedBlob> {
    try {
      const copy = await this.#follow(this.#jobs.join(ref), ref, 'node', options)
      if (copy?.sizeBytes === handle.sizeBytes) return copy
      await copy?.[Symbol.asyncDispose]()
      throw error
    } catch (cause) {
      options?.signal?.throwIfAborted()
      if (!isRefusedByStore(cause) || left.end !== handle.sizeBytes) throw cause
      return this.#passOn(ref, cause, options, { handle, end: left.start })
    }
  }

  async #fetchForNobody(ref: ContentRef): Promise<void> {
    const job = this.#jobs.join(ref)
    const watch = job.watch('node')
    await job.done.finally(() => watch[Symbol.dispose]())
  }

  async #readManifest(ref: ContentRef): Promise<FetchedManifest> {
    await using blob = await this.openBlob(ref)
    const bytes = await readManifest(blob)
    const mediaType = manifestMediaType(bytes)
    // One that is skipped is forgotten, so that a later pull which is not can keep it.
    if (this.#isToBeKept(ref, bytes.length)) this.#manifests.set(ref.digest, { bytes, mediaType })
    if (this.#rights.knows(ref)) this.#rights.noteReferences(ref, bytes)
    this.#pedigree.noteReferences(ref, bytes)
    return { bytes, mediaType, digest: ref.digest, sizeBytes: bytes.length, source: blob.source }
  }
}

/** Tells peers whether upstream has confirmed what they are asked for: those that take our word need not ask again. */
function vouchingPeers(peers: FetcherDeps['peers'], rights: ContentRights): FetcherDeps['peers'] {
  return {
    open: (peer, request, options) =>
      peers.open(peer, rights.knows(request.ref) ? { ...request, isConfirmed: true } : request, options),
    askTag: (peer, ref, options) => peers.askTag(peer, ref, options),
  }
}

async function readManifest(blob: FetchedBlob): Promise<Uint8Array> {
  if (blob.sizeBytes > MAX_MANIFEST_BYTES) {
    throw new UpstreamProtocolError(
      `${blob.digest} has ${blob.sizeBytes} bytes, a manifest at most ${MAX_MANIFEST_BYTES}`,
    )
  }
  const bytes = new Uint8Array(blob.sizeBytes)
  let offset = 0
  for await (const chunk of blob.read()) {
    bytes.set(chunk, offset)
    offset += chunk.length
  }
  return bytes
}
