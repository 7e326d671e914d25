import { abortable } from '@layermesh/async'
import type { ContentProvider, Exchange } from '@layermesh/exchange'
import {
  type BlobFacts,
  BlobNotFoundError,
  type ContentFetcher,
  type ContentRef,
  type Counter,
  type Digest,
  type FetchedBlob,
  type FetchedManifest,
  type FetchOptions,
  LINK_CLASSES,
  type Metrics,
  type ResolvedTag,
  type SourceScope,
  type TagRef,
  type TagStore,
  UpstreamProtocolError,
} from '@layermesh/interface'
import { MAX_MANIFEST_BYTES, manifestMediaType } from '@layermesh/oci'
import { LRUCache } from 'lru-cache'

import { NodeContentProvider } from './content-provider.ts'
import { cachedBlob, FollowedBlob } from './fetched-blob.ts'
import type { FillJob, FillJobDeps } from './fill-job.ts'
import { FillJobs } from './fill-jobs.ts'
import { PeerOffences } from './peer-offences.ts'
import type { TagPolicy } from './tag-freshness.ts'
import { TagResolver } from './tag-resolver.ts'

/** Bytes of manifests kept in memory: they are asked for several times in each pull, and are small. */
const MANIFEST_CACHE_BYTES = 16 * 1024 * 1024

/** Collaborators of the fetcher. */
export interface FetcherDeps extends Omit<FillJobDeps, 'onFetched' | 'offences'> {
  readonly tags: TagStore
  readonly peers: Pick<Exchange, 'open' | 'askTag'>
  readonly metrics: Metrics
}

/** Settings of the fetcher. */
export interface FetcherInit {
  /** The setting `sources`. */
  readonly sources: readonly SourceScope[]
  readonly tagPolicyOf: (upstream: string) => TagPolicy
}

/** Content from this node's disk, else from peers, else from upstream; each missing blob is fetched once at a time. */
export class Fetcher implements ContentFetcher {
  /** What this node gives to its peers. */
  readonly provider: ContentProvider
  readonly #deps: FetcherDeps
  readonly #fetched: Counter
  readonly #jobs: FillJobs
  readonly #tags: TagResolver
  readonly #manifests: LRUCache<Digest, { readonly bytes: Uint8Array; readonly mediaType: string }>

  constructor(deps: FetcherDeps, init: FetcherInit) {
    this.#deps = deps
    this.#fetched = deps.metrics.counter({
      name: 'fetched_bytes_total',
      help: 'Bytes of manifests and blobs that this node fetched, by where they came from.',
      labels: { source: [...LINK_CLASSES, 'upstream'] },
    })
    const onFetched = (source: SourceScope, bytes: number) => this.#fetched.add(bytes, { source })
    this.#jobs = new FillJobs({ ...deps, offences: new PeerOffences(), onFetched }, init.sources)
    this.provider = new NodeContentProvider({ ...deps, jobs: this.#jobs, tagPolicyOf: init.tagPolicyOf })
    this.#tags = new TagResolver({
      ...deps,
      tagPolicyOf: init.tagPolicyOf,
      keepManifest: async (manifest) => {
        onFetched('upstream', manifest.bytes.length)
        await this.#keep(manifest.digest, manifest.bytes)
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

  resolveTag(ref: TagRef, options?: FetchOptions): Promise<ResolvedTag> {
    return this.#tags.resolve(ref, options)
  }

  async getManifest(ref: ContentRef, options?: FetchOptions): Promise<FetchedManifest> {
    const cached = this.#manifests.get(ref.digest)
    if (cached !== undefined) {
      return { ...cached, digest: ref.digest, sizeBytes: cached.bytes.length, source: 'cache' }
    }
    await using blob = await this.openBlob(ref, options)
    const bytes = await readManifest(blob, options)
    const mediaType = manifestMediaType(bytes)
    this.#manifests.set(ref.digest, { bytes, mediaType })
    return { bytes, mediaType, digest: ref.digest, sizeBytes: bytes.length, source: blob.source }
  }

  async statBlob(ref: ContentRef, options?: FetchOptions): Promise<BlobFacts> {
    const { directory, network, peers, store, upstream } = this.#deps
    const held = await store.stat(ref.digest)
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

  async openBlob(ref: ContentRef, options?: FetchOptions): Promise<FetchedBlob> {
    for (;;) {
      if (this.#jobs.find(ref.digest) === undefined) {
        const held = await this.#openHeld(ref.digest)
        if (held !== undefined) return held
      }
      const job = this.#jobs.join(ref)
      try {
        return await this.#follow(job, ref.digest, options)
      } catch (error) {
        options?.signal?.throwIfAborted()
        if (job.isFor(ref)) throw error
      }
      // It could not get the blob from where another caller wanted it. Until its end it would be joined again.
      await abortable(Promise.allSettled([job.done]), options?.signal)
    }
  }

  /** Ends all fetching. Idempotent. */
  stop(): Promise<void> {
    return this.#jobs.stop()
  }

  async #openHeld(digest: Digest): Promise<FetchedBlob | undefined> {
    const { store } = this.#deps
    if ((await store.stat(digest)) === undefined) return undefined
    try {
      return cachedBlob(await store.open(digest))
    } catch (error) {
      // It was removed in between.
      if (error instanceof BlobNotFoundError) return undefined
      throw error
    }
  }

  async #follow(job: FillJob, digest: Digest, options: FetchOptions | undefined): Promise<FetchedBlob> {
    const opened = await job.follow(options?.signal)
    return opened === undefined
      ? cachedBlob(await this.#deps.store.open(digest))
      : new FollowedBlob(job, opened)
  }

  async #keep(digest: Digest, bytes: Uint8Array): Promise<void> {
    const { store } = this.#deps
    if ((await store.stat(digest)) !== undefined) return
    const fill = await store.startFill(digest, bytes.length)
    try {
      await fill.write(0, bytes)
      await fill.commit()
    } catch (error) {
      await fill.fail(error as Error)
      throw error
    }
  }
}

async function readManifest(blob: FetchedBlob, options: FetchOptions | undefined): Promise<Uint8Array> {
  if (blob.sizeBytes > MAX_MANIFEST_BYTES) {
    throw new UpstreamProtocolError(
      `${blob.digest} has ${blob.sizeBytes} bytes, a manifest at most ${MAX_MANIFEST_BYTES}`,
    )
  }
  const bytes = new Uint8Array(blob.sizeBytes)
  let offset = 0
  for await (const chunk of blob.read(undefined, options)) {
    bytes.set(chunk, offset)
    offset += chunk.length
  }
  return bytes
}
