import type { Clock, ContentRef } from '@layermesh/interface'

/** For how long upstream is left alone after a 429 that doesn't say, in milliseconds. */
export const DEFAULT_PAUSE_MS = 5_000

/** Longest pause that is believed, in milliseconds. */
export const MAX_PAUSE_MS = 900_000

/** Pauses remembered at most: peers may name any upstream. */
const MAX_PAUSES = 256

/** What a pause is for: registries limit manifests and blobs apart, and those with a login apart from others. */
type Paused = Pick<ContentRef, 'upstream' | 'kind' | 'access'>

/** Until when upstreams want no requests, as they have said to this node or to a peer: a 429 holds for all who hear of it. */
export class UpstreamPauses {
  readonly #clock: Pick<Clock, 'monotonicMs'>
  readonly #untilMs = new Map<string, number>()

  constructor(clock: Pick<Clock, 'monotonicMs'>) {
    this.#clock = clock
  }

  /** Takes note of a pause from now on; a shorter one than is known changes nothing. */
  note(paused: Paused, pauseMs: number = DEFAULT_PAUSE_MS): void {
    const untilMs = this.#clock.monotonicMs() + Math.min(pauseMs, MAX_PAUSE_MS)
    const key = keyOf(paused)
    if (untilMs <= (this.#untilMs.get(key) ?? 0)) return
    this.#untilMs.delete(key)
    this.#untilMs.set(key, untilMs)
    const [oldest] = this.#untilMs.keys()
    if (this.#untilMs.size > MAX_PAUSES && oldest !== undefined) this.#untilMs.delete(oldest)
  }

  /** How long the pause still is, in milliseconds; undefined when there is none. */
  leftMs(paused: Paused): number | undefined {
    const key = keyOf(paused)
    const leftMs = (this.#untilMs.get(key) ?? 0) - this.#clock.monotonicMs()
    if (leftMs > 0) return leftMs
    this.#untilMs.delete(key)
    return undefined
  }
}

function keyOf({ upstream, kind, access = 'anonymous' }: Paused): string {
  return `${kind} ${access} ${upstream}`
}
