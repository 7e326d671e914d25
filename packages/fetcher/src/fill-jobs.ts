import type { BlobStore, ContentRef, Digest, SourceScope } from '@layermesh/interface'

import { FillJob, type FillJobDeps, type FillJobInit, type UnwatchedFills } from './fill-job.ts'
import type { BlobPrefix } from './passing-fill.ts'

/** Settings of all jobs. */
export interface FillJobsInit {
  /** The setting of that name. */
  readonly sources: readonly SourceScope[]
  /** The setting `cache.unwatchedFills`. */
  readonly unwatchedFills: UnwatchedFills
}

/** All fill jobs of a node: at most one for a digest, and one for each client that a blob which isn't kept passes to. */
export class FillJobs {
  readonly #deps: FillJobDeps
  readonly #init: FillJobsInit
  readonly #joinable = new Map<Digest, FillJob>()
  readonly #running = new Set<FillJob>()
  /** Bytes that are being kept without a job. */
  readonly #keeping = new Map<Digest, Promise<void>>()
  readonly #stopping = new AbortController()

  constructor(deps: FillJobDeps, init: FillJobsInit) {
    this.#deps = deps
    this.#init = init
  }

  /** How many blobs are being fetched. */
  get size(): number {
    return this.#running.size
  }

  /** The job that is fetching `digest` for all who want it, if there is one. */
  find(digest: Digest): FillJob | undefined {
    const job = this.#joinable.get(digest)
    return job?.isDeserted === true ? undefined : job
  }

  /** Starts to fetch, or joins the job that does. */
  join(ref: ContentRef): FillJob {
    const { digest } = ref
    const joined = this.find(digest)
    if (joined !== undefined) return joined
    // One that nobody wanted any more has still to let go of its fill.
    const after = this.#joinable.get(digest)?.done ?? this.#keeping.get(digest)
    const forget = () => {
      if (this.#joinable.get(digest) === job) this.#joinable.delete(digest)
    }
    const job = this.#start({ ref, after, onPassing: forget })
    this.#joinable.set(digest, job)
    job.done.then(forget, forget)
    return job
  }

  /**
   * Fetches a blob for one client without keeping it, for `reason`; `prefix` is what the client has had already, and
   * must be open until the job has begun.
   */
  pass(ref: ContentRef, reason: Error, prefix?: BlobPrefix): FillJob {
    return this.#start({ ref, unkept: { reason, prefix } })
  }

  /** Keeps bytes that are here already and have been verified, unless they are held or being fetched. Throws as a fill does. */
  async keep(digest: Digest, bytes: Uint8Array): Promise<void> {
    if (this.#joinable.has(digest) || this.#keeping.has(digest)) return
    const keeping = keepBytes(this.#deps.store, digest, bytes)
    this.#keeping.set(digest, keeping)
    try {
      await keeping
    } finally {
      this.#keeping.delete(digest)
    }
  }

  /** Ends every job; resolves when none is left. Idempotent. */
  async stop(): Promise<void> {
    this.#stopping.abort(new DOMException('the node is stopping', 'AbortError'))
    await Promise.allSettled([...this.#running].map((job) => job.done))
  }

  #start(init: Omit<FillJobInit, 'sources' | 'unwatched' | 'signal'>): FillJob {
    const { sources, unwatchedFills: unwatched } = this.#init
    const job = new FillJob(this.#deps, { ...init, sources, unwatched, signal: this.#stopping.signal })
    this.#running.add(job)
    const forget = () => this.#running.delete(job)
    job.done.then(forget, forget)
    return job
  }
}

async function keepBytes(store: BlobStore, digest: Digest, bytes: Uint8Array): Promise<void> {
  if ((await store.stat(digest)) !== undefined) return
  const fill = await store.startFill(digest, bytes.length)
  try {
    for (let missing = fill.firstMissing(); missing !== undefined; missing = fill.firstMissing()) {
      await fill.write(missing.start, bytes.subarray(missing.start, missing.end))
    }
    await fill.commit()
  } catch (error) {
    await fill.fail(error as Error)
    throw error
  }
}
