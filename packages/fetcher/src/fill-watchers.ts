import type { CancelTimer, Clock } from '@layermesh/interface'

/** How long a blob that nobody wants any more is fetched on, in milliseconds: runtimes hang up and come back. */
export const GRACE_MS = 10_000

/** Who wants a blob: a client of this node, a peer, or the node itself. */
export type Watcher = 'client' | 'peer' | 'node'

/** Counts who wants a blob that is being fetched, and tells when nobody has wanted it for a while. */
export class FillWatchers {
  readonly #clock: Clock
  readonly #onDeserted: () => void
  readonly #counts: Record<Watcher, number> = { client: 0, peer: 0, node: 0 }
  #cancelGrace: CancelTimer | undefined
  #graceMs: number | undefined
  #hasEnded = false

  /** `graceMs` undefined means that it doesn't matter whether anybody wants the blob. */
  constructor(clock: Clock, graceMs: number | undefined, onDeserted: () => void) {
    this.#clock = clock
    this.#graceMs = graceMs
    this.#onDeserted = onDeserted
  }

  /** Whether a watcher of this kind is there. */
  has(watcher: Watcher): boolean {
    return this.#counts[watcher] > 0
  }

  /** Whether nobody wants the blob now. */
  get isEmpty(): boolean {
    return Object.values(this.#counts).every((count) => count === 0)
  }

  /** Notes somebody who wants the blob, until the result is disposed of. */
  add(watcher: Watcher): Disposable {
    this.#counts[watcher] += 1
    this.#cancelGrace?.()
    let isThere = true
    return {
      [Symbol.dispose]: () => {
        if (!isThere) return
        isThere = false
        this.#counts[watcher] -= 1
        if (this.isEmpty) this.#onEmpty()
      },
    }
  }

  /** From now on the blob is of no use to anybody who comes later: there is no grace any more. */
  endGrace(): void {
    this.#graceMs = 0
  }

  /** Tells nothing any more. */
  end(): void {
    this.#hasEnded = true
    this.#cancelGrace?.()
  }

  #onEmpty(): void {
    if (this.#hasEnded || this.#graceMs === undefined) return
    if (this.#graceMs === 0) this.#onDeserted()
    else this.#cancelGrace = this.#clock.setTimer(this.#graceMs, this.#onDeserted)
  }
}
