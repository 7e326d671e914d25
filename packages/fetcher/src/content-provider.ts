import type { ContentProvider, IncomingRequest, ProvidedContent, ProvideOptions } from '@layermesh/exchange'
import {
  type BlobStore,
  type ByteRange,
  type Clock,
  ContentUnavailableError,
  type TagRecord,
  type TagRef,
  type TagStore,
} from '@layermesh/interface'

import type { OpenGeneration } from './fill-job.ts'
import type { FillJobs } from './fill-jobs.ts'
import { tagFreshness, type TagPolicy } from './tag-freshness.ts'

/** Collaborators of the provider. */
export interface NodeContentProviderDeps {
  readonly store: BlobStore
  readonly tags: TagStore
  readonly jobs: FillJobs
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
    // Who asks for what we announced must not be made to wait for what we are fetching: we could be waiting for it.
    if (leadScope === undefined) return undefined
    const job = jobs.join(ref, leadScope)
    if (!job.leadFor(leadScope)) throw new ContentUnavailableError('this node waits for another lead')
    const opened = await job.follow('peer', options.signal)
    return opened === undefined ? this.#held(request) : filling(opened)
  }

  async findTag(ref: TagRef): Promise<TagRecord | undefined> {
    const { clock, tags, tagPolicyOf } = this.#deps
    const record = await tags.find(ref)
    if (record === undefined) return undefined
    const freshness = tagFreshness(ref.tag, record, clock.now(), tagPolicyOf(ref.upstream))
    return freshness === 'expired' ? undefined : record
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
