import { abortable } from '@layermesh/async'
import { rankByRendezvous } from '@layermesh/directory'
import type {
  ContentProvider,
  IncomingRequest,
  IncomingTagRequest,
  ProvidedContent,
  ProvideOptions,
} from '@layermesh/exchange'
import {
  type Access,
  type BlobStore,
  type ByteRange,
  type Clock,
  type ContentRef,
  ContentUnavailableError,
  coversAccess,
  type LinkClass,
  type Member,
  type PeerNetwork,
  type TagRecord,
  type TagRef,
  type TagStore,
  UpstreamNotFoundError,
  UpstreamRateLimitedError,
} from '@layermesh/interface'

import type { ContentRights } from './content-rights.ts'
import type { FillJob, OpenGeneration } from './fill-job.ts'
import type { FillJobs } from './fill-jobs.ts'
import { isWithin } from './source-plan.ts'
import { tagKey } from './tag-leads.ts'
import { tagFreshness, type TagPolicy } from './tag-freshness.ts'
import { isRefusedByStore } from './unkept-fills.ts'
import type { UpstreamPauses } from './upstream-pauses.ts'

/** Collaborators of the provider. */
export interface NodeContentProviderDeps {
  readonly store: BlobStore
  readonly tags: TagStore
  /** Finds out what a tag points to, and takes note of it. */
  readonly resolveTag: (ref: TagRef) => Promise<unknown>
  readonly network: Pick<PeerNetwork, 'authenticated' | 'self'>
  readonly rights: ContentRights
  readonly jobs: FillJobs
  readonly pauses: UpstreamPauses
  readonly clock: Clock
  readonly tagPolicyOf: (upstream: string) => TagPolicy
}

/**
 * Gives to peers what this node holds and, as a lead, what it is getting. Members that have proven the cluster's secret are
 * believed about what their clients may have; anybody else gets what upstream gives to anybody, under the repository that is asked for.
 */
export class NodeContentProvider implements ContentProvider {
  readonly #deps: NodeContentProviderDeps

  constructor(deps: NodeContentProviderDeps) {
    this.#deps = deps
  }

  async provide(request: IncomingRequest, options: ProvideOptions): Promise<ProvidedContent | undefined> {
    const { network, rights } = this.#deps
    const ref = network.authenticated ? request.ref : anonymously(request.ref)
    if (network.authenticated && request.isConfirmed === true) rights.note(ref)
    try {
      return await this.#provide({ ...request, ref }, options)
    } catch (error) {
      throw refusalFor(request.ref.access, ref.access, error)
    }
  }

  async findTag({ ref: asked, leadScope, from }: IncomingTagRequest): Promise<TagRecord | undefined> {
    const { clock, network, resolveTag, tags, tagPolicyOf } = this.#deps
    const { access: claimed, ...anonymous } = asked
    const access = network.authenticated ? claimed : undefined
    const ref: TagRef = { ...anonymous, ...(access !== undefined && { access }) }
    if (network.authenticated && leadScope !== undefined) {
      this.#requireToLead(tagKey(ref), from, leadScope)
      try {
        await resolveTag(ref)
      } catch (error) {
        throw refusalFor(asked.access, access, error)
      }
    }
    const record = await tags.find(ref)
    if (record === undefined || !coversAccess(record.access, access)) return undefined
    const freshness = tagFreshness(ref.tag, record, clock.now(), tagPolicyOf(ref.upstream))
    return freshness === 'expired' ? undefined : record
  }

  async #provide(request: IncomingRequest, options: ProvideOptions): Promise<ProvidedContent | undefined> {
    const { rights, store, jobs } = this.#deps
    const { ref, leadScope } = request
    const running = jobs.find(ref.digest)
    if (running === undefined && (await store.stat(ref.digest)) !== undefined) {
      await rights.require(ref, options)
      return this.#held(request)
    }
    // Who asks for what we have must not be made to wait for what we are fetching: we could be waiting for it.
    if (request.partial === true) {
      if (running?.isFor(ref) === false) await rights.require(ref, options)
      return partOf(running)
    }
    if (leadScope === undefined) return undefined
    this.#requireToLead(request.ref.digest, request.from, leadScope)
    return this.#lead(request, options)
  }

  /** Gets the content for a peer that takes this node for its lead. */
  async #lead(request: IncomingRequest, { signal }: ProvideOptions): Promise<ProvidedContent> {
    const { jobs, network, pauses, rights } = this.#deps
    const { ref, pausedMs } = request
    if (network.authenticated && pausedMs !== undefined && pausedMs > 0) pauses.note(ref, pausedMs)
    for (;;) {
      const job = jobs.join(ref)
      // What comes for this repository is confirmed by its coming.
      if (!job.isFor(ref)) await rights.require(ref, { signal })
      job.askedBy(request)
      try {
        const opened = await job.follow('peer', signal)
        return opened === undefined ? await this.#held(request) : filling(opened)
      } catch (error) {
        signal.throwIfAborted()
        if (isRefusedByStore(error) || job.isFor(ref)) throw error
      }
      // It could not get the blob from where somebody else wanted it. Until its end it would be joined again.
      await abortable(Promise.allSettled([job.done]), signal)
    }
  }

  /** A node waits only for those before it in rendezvous order: that order, the same for all, keeps rings out. */
  #requireToLead(key: string, from: Member, scope: LinkClass): void {
    const { self } = this.#deps.network
    if (rankByRendezvous(key, [from.peer, self.peer])[0] !== self.peer) {
      throw new ContentUnavailableError('the asking node comes before this one in rendezvous order')
    }
    if (!isWithin(from.link, scope)) {
      throw new ContentUnavailableError(`this node is not in the ${scope} of the asking one`)
    }
  }

  async #held({ ref }: IncomingRequest): Promise<ProvidedContent> {
    const { store } = this.#deps
    // The table first: it may have to be made, and to fail, and nobody would let go of the handle then.
    const { hashes, pieceBytes } = await store.pieceTable(ref.digest)
    const handle = await store.open(ref.digest)
    return {
      sizeBytes: handle.sizeBytes,
      pieceBytes,
      complete: true,
      piece(index, { signal }) {
        const sha256 = hashes[index]
        if (sha256 === undefined) return Promise.reject(noSuchPiece(index))
        const range = pieceRange(index, pieceBytes, handle.sizeBytes)
        return Promise.resolve({ sha256, read: () => handle.read(range, { signal }) })
      },
      [Symbol.asyncDispose]: () => handle[Symbol.asyncDispose](),
    }
  }
}

function anonymously({ kind, upstream, repository, digest }: ContentRef): ContentRef {
  return { kind, upstream, repository, digest }
}

/**
 * What a peer is told. What upstream says to this node, without a login or with another one than the peer's, is not its word for
 * who asks as `login`: it may hide from strangers that there is such a repository.
 */
function refusalFor(claimed: Access | undefined, granted: Access | undefined, error: unknown): unknown {
  if (claimed !== 'login') return error
  const isOurs =
    error instanceof UpstreamNotFoundError ||
    (error instanceof UpstreamRateLimitedError && granted !== 'login')
  return isOurs ? new ContentUnavailableError('upstream refuses this node', { cause: error }) : error
}

/** The pieces that are here of what is being fetched. */
function partOf(job: FillJob | undefined): ProvidedContent | undefined {
  const opened = job?.openPart()
  if (opened === undefined) return undefined
  const { fill, handle, pieces } = opened
  const { pieceBytes, sizeBytes } = fill
  return {
    sizeBytes,
    pieceBytes,
    complete: false,
    availablePieces: pieces,
    piece(index, { signal }) {
      const sha256 = fill.pieceHash(index)
      if (sha256 === undefined) return Promise.reject(noSuchPiece(index))
      const range = pieceRange(index, pieceBytes, sizeBytes)
      return Promise.resolve({ sha256, read: () => handle.read(range, { signal }) })
    },
    [Symbol.asyncDispose]: () => handle[Symbol.asyncDispose](),
  }
}

/** Pieces of a fill, as they come. The last one comes when the whole blob has turned out right. */
function filling({ fill, handle, watch }: OpenGeneration): ProvidedContent {
  const { pieceBytes, sizeBytes } = fill
  return {
    sizeBytes,
    pieceBytes,
    complete: false,
    async piece(index, { signal }) {
      const range = pieceRange(index, pieceBytes, sizeBytes)
      await fill.whenWritten(range, { signal })
      const sha256 = fill.pieceHash(index)
      if (sha256 === undefined) throw noSuchPiece(index)
      return { sha256, read: () => handle.read(range, { signal }) }
    },
    async [Symbol.asyncDispose]() {
      watch[Symbol.dispose]()
      await handle[Symbol.asyncDispose]()
    },
  }
}

function pieceRange(index: number, pieceBytes: number, sizeBytes: number): ByteRange {
  const start = index * pieceBytes
  return { start, end: Math.min(start + pieceBytes, sizeBytes) }
}

function noSuchPiece(index: number): ContentUnavailableError {
  return new ContentUnavailableError(`there is no piece ${index}`)
}
