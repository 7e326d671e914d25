import { abortable } from '@layermesh/async'
import { rankByRendezvous } from '@layermesh/directory'
import type { ContentProvider, IncomingRequest, ProvidedContent, ProvideOptions } from '@layermesh/exchange'
import {
  type BlobStore,
  type ByteRange,
  type Clock,
  ContentUnavailableError,
  type LinkClass,
  type PeerNetwork,
  type TagRecord,
  type TagRef,
  type TagStore,
} from '@layermesh/interface'

import type { FillJob, OpenGeneration } from './fill-job.ts'
import type { FillJobs } from './fill-jobs.ts'
import { isWithin } from './source-plan.ts'
import { tagFreshness, type TagPolicy } from './tag-freshness.ts'
import { isRefusedByStore } from './unkept-fills.ts'
import type { UpstreamPauses } from './upstream-pauses.ts'

/** Collaborators of the provider. */
export interface NodeContentProviderDeps {
  readonly store: BlobStore
  readonly tags: TagStore
  readonly jobs: FillJobs
  readonly network: Pick<PeerNetwork, 'self'>
  readonly pauses: UpstreamPauses
  readonly clock: Clock
  readonly tagPolicyOf: (upstream: string) => TagPolicy
}

/** Gives to peers what this node holds and, as a lead, what it is getting. */
export class NodeContentProvider implements ContentProvider {
  readonly #deps: NodeContentProviderDeps

  constructor(deps: NodeContentProviderDeps) {
    this.#deps = deps
  }

  async provide(request: IncomingRequest, options: ProvideOptions): Promise<ProvidedContent | undefined> {
    const { store, jobs } = this.#deps
    const { ref, leadScope } = request
    const running = jobs.find(ref.digest)
    if (running === undefined && (await store.stat(ref.digest)) !== undefined) return this.#held(request)
    // Who asks for what we have must not be made to wait for what we are fetching: we could be waiting for it.
    if (request.partial === true) return partOf(running)
    if (leadScope === undefined) return undefined
    this.#requireToLead(request, leadScope)
    return this.#lead(request, options)
  }

  async findTag(ref: TagRef): Promise<TagRecord | undefined> {
    const { clock, tags, tagPolicyOf } = this.#deps
    const record = await tags.find(ref)
    if (record === undefined) return undefined
    const freshness = tagFreshness(ref.tag, record, clock.now(), tagPolicyOf(ref.upstream))
    return freshness === 'expired' ? undefined : record
  }

  /** Gets the content for a peer that takes this node for its lead. */
  async #lead(request: IncomingRequest, { signal }: ProvideOptions): Promise<ProvidedContent> {
    const { jobs, pauses } = this.#deps
    const { ref, pausedMs } = request
    if (pausedMs !== undefined && pausedMs > 0) pauses.note(ref, pausedMs)
    for (;;) {
      const job = jobs.join(ref)
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
  #requireToLead({ ref, from }: IncomingRequest, scope: LinkClass): void {
    const { self } = this.#deps.network
    if (rankByRendezvous(ref.digest, [from.peer, self.peer])[0] !== self.peer) {
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
