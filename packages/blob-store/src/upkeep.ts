import { sleep } from '@layermesh/async'
import type { Clock, Digest, Log, RemovalReason } from '@layermesh/interface'
import type { BlobIndex } from './blob-index.ts'
import type { Evictor } from './evictor.ts'
import type { LevelLinkStore } from './level-link-store.ts'
import type { LevelTagStore } from './level-tag-store.ts'
import type { PausedFills } from './paused-fills.ts'
import type { Room } from './room.ts'
import { unusedBlobs } from './unused-blobs.ts'

/** How often the store looks after itself, in milliseconds. */
const INTERVAL_MS = 60_000

/** How long a fill that nobody goes on with is kept, in milliseconds. */
const PAUSED_FILL_MS = 24 * 3_600_000

/** How long what a tag pointed to is remembered, in milliseconds: longer than any tag may be served stale. */
const TAG_MS = 366 * 86_400_000

/** How often records are looked through for those that are of no use any more, in milliseconds. */
const RECORDS_INTERVAL_MS = 24 * 3_600_000

/** Collaborators of {@link Upkeep}. */
export interface UpkeepDeps {
  readonly clock: Clock
  readonly log: Log
  readonly index: BlobIndex
  readonly room: Room
  readonly evictor: Evictor
  readonly paused: PausedFills
  /** Whether a fill of a blob is under way. */
  readonly isFilling: (digest: Digest) => boolean
  readonly tags: LevelTagStore
  readonly links: LevelLinkStore
  readonly remove: (digest: Digest, reason: RemovalReason) => Promise<void>
  readonly nowMs: () => number
}

/** What has to be done from time to time, whether anybody pulls or not. */
export class Upkeep {
  readonly #deps: UpkeepDeps
  readonly #unusedForMs: number
  #recordsDueAtMs = 0

  /** `unusedForMs` is how long a blob that nobody uses is kept, 0 for ever. */
  constructor(deps: UpkeepDeps, unusedForMs: number) {
    this.#deps = deps
    this.#unusedForMs = unusedForMs
  }

  /** Goes on until `signal` is aborted. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, index, log, room } = this.#deps
    const duties = [
      () => index.flush(),
      () => this.#dropOldFills(),
      () => this.#removeUnused(),
      () => room.tidy(),
      () => this.#dropOldRecords(),
    ]
    while (!signal.aborted) {
      for (const duty of duties) {
        try {
          await duty()
        } catch (err) {
          // A full disk refuses the index: room has to be made all the same.
          log.warn({ err }, 'upkeep failed')
        }
      }
      await sleep(clock, INTERVAL_MS, signal)
    }
  }

  async #dropOldFills(): Promise<void> {
    const { nowMs, paused } = this.#deps
    const old = paused.list().filter(({ pausedAtMs }) => nowMs() - pausedAtMs > PAUSED_FILL_MS)
    for (const { digest } of old.toArray()) await paused.drop(digest)
  }

  /** Links and tags that nobody asks for go by themselves with their blobs, but for what was never kept. */
  async #dropOldRecords(): Promise<void> {
    const { clock, index, isFilling, links, nowMs, paused, tags } = this.#deps
    if (clock.monotonicMs() < this.#recordsDueAtMs) return
    this.#recordsDueAtMs = clock.monotonicMs() + RECORDS_INTERVAL_MS
    await tags.removeConfirmedBefore(nowMs() - TAG_MS)
    const isOfUse = (digest: Digest) =>
      index.get(digest) !== undefined || paused.has(digest) || isFilling(digest)
    await links.removeUnheld(isOfUse)
  }

  async #removeUnused(): Promise<void> {
    if (this.#unusedForMs === 0) return
    const { evictor, index, log, nowMs, remove } = this.#deps
    const unused = unusedBlobs(index, nowMs() - this.#unusedForMs)
    if (unused.length === 0) return
    const gone = await evictor.thatMayGo(unused)
    for (const digest of gone) await remove(digest, 'unused')
    if (gone.length > 0) log.info({ blobs: gone.length }, 'unused blobs removed')
  }
}
