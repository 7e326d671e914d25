import type { ContentRef, Digest, Log } from '@layermesh/interface'

/** How many blobs are fetched again at a time. */
export const MAX_REFETCHES = 2

/** Blobs that wait for their turn, at most; further ones are fetched when somebody asks for them. */
export const MAX_WAITING_REFETCHES = 10_000

/** Gets blobs again that were lost, in the background and a few at a time. */
export class RefetchQueue {
  readonly #fetch: (ref: ContentRef) => Promise<void>
  readonly #log: Log
  readonly #waiting = new Map<Digest, ContentRef>()
  #running = 0
  #isStopped = false

  constructor(fetch: (ref: ContentRef) => Promise<void>, log: Log) {
    this.#fetch = fetch
    this.#log = log
  }

  /** Has a blob fetched when it is its turn. What goes wrong is logged. */
  add(ref: ContentRef): void {
    if (this.#isStopped) return
    if (this.#waiting.size >= MAX_WAITING_REFETCHES && !this.#waiting.has(ref.digest)) {
      this.#log.warn({ digest: ref.digest }, 'blob not fetched again')
      return
    }
    this.#waiting.set(ref.digest, ref)
    this.#startNext()
  }

  /** Forgets what is waiting. */
  stop(): void {
    this.#isStopped = true
    this.#waiting.clear()
  }

  #startNext(): void {
    if (this.#running >= MAX_REFETCHES) return
    const [ref] = this.#waiting.values()
    if (ref === undefined) return
    this.#waiting.delete(ref.digest)
    this.#running += 1
    void this.#run(ref)
  }

  async #run(ref: ContentRef): Promise<void> {
    try {
      await this.#fetch(ref)
    } catch (error) {
      if (!this.#isStopped) this.#log.warn({ digest: ref.digest, err: error }, 'blob not fetched again')
    }
    this.#running -= 1
    this.#startNext()
  }
}
