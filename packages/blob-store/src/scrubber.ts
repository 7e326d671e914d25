import { sleep } from '@layermesh/async'
import type { Clock, Counter, Digest, Log } from '@layermesh/interface'
import type { BlobIndex } from './blob-index.ts'
import type { PaceKeeper } from './hash-file.ts'
import { planScrub, scrubRate } from './scrub-plan.ts'

/** It looks again at least so often: blobs come and go. */
const MAX_PAUSE_MS = 60_000

/** Collaborators of {@link Scrubber}. */
export interface ScrubberDeps {
  readonly clock: Clock
  readonly log: Log
  readonly index: BlobIndex
  /** Hashes a blob's file and takes it out if it is wrong; see `DiskBlobStore.verify`. */
  readonly verify: (digest: Digest, keepPace: PaceKeeper) => Promise<boolean>
  readonly nowMs: () => number
  readonly scrubbedBytes: Counter
}

/** Reads every blob again, each once in a period, slowly: so a disk that rots is found out before a blob is needed. */
export class Scrubber {
  readonly #deps: ScrubberDeps
  readonly #periodMs: number

  constructor(deps: ScrubberDeps, periodMs: number) {
    this.#deps = deps
    this.#periodMs = periodMs
  }

  /** Goes on until `signal` is aborted. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, index, nowMs } = this.#deps
    while (!signal.aborted) {
      const { due, nextDueInMs } = planScrub(index.entries(), nowMs(), this.#periodMs)
      for (const entry of due) await this.#scrub(entry.stat.digest, signal)
      // What could not be read is due still: it isn't tried again at once.
      await sleep(clock, due.length > 0 ? MAX_PAUSE_MS : Math.min(nextDueInMs, MAX_PAUSE_MS), signal)
    }
  }

  async #scrub(digest: Digest, signal: AbortSignal): Promise<void> {
    const { clock, index, log, scrubbedBytes, verify } = this.#deps
    const rate = scrubRate(index.totals.bytes, this.#periodMs)
    try {
      signal.throwIfAborted()
      await verify(digest, async (bytes) => {
        signal.throwIfAborted()
        scrubbedBytes.add(bytes)
        await sleep(clock, (bytes * 1000) / rate, signal)
      })
    } catch (err) {
      if (!signal.aborted) log.warn({ digest, err }, 'blob not scrubbed')
    }
  }
}
