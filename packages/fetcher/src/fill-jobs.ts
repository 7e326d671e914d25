import type { ContentRef, Digest, LinkClass, SourceScope } from '@layermesh/interface'

import { FillJob, type FillJobDeps } from './fill-job.ts'

/** All fill jobs of a node: at most one for a digest. */
export class FillJobs {
  readonly #deps: FillJobDeps
  readonly #sources: readonly SourceScope[]
  readonly #running = new Map<Digest, FillJob>()
  readonly #stopping = new AbortController()

  /** `sources` is the setting of that name. */
  constructor(deps: FillJobDeps, sources: readonly SourceScope[]) {
    this.#deps = deps
    this.#sources = sources
  }

  /** How many blobs are being fetched. */
  get size(): number {
    return this.#running.size
  }

  /** The job that is fetching `digest`, if there is one. */
  find(digest: Digest): FillJob | undefined {
    return this.#running.get(digest)
  }

  /** Starts to fetch, or joins the job that does; `leadScope` is what a job that is started anew fetches for. */
  join(ref: ContentRef, leadScope?: LinkClass): FillJob {
    const running = this.#running.get(ref.digest)
    if (running !== undefined) return running
    const job = new FillJob(this.#deps, {
      ref,
      sources: this.#sources,
      leadScope,
      signal: this.#stopping.signal,
    })
    this.#running.set(ref.digest, job)
    const forget = () => this.#running.delete(ref.digest)
    job.done.then(forget, forget)
    return job
  }

  /** Ends every job; resolves when none is left. Idempotent. */
  async stop(): Promise<void> {
    this.#stopping.abort(new DOMException('the node is stopping', 'AbortError'))
    await Promise.allSettled([...this.#running.values()].map((job) => job.done))
  }
}
