import type { Access, UpstreamRateLimitedError } from '@layermesh/interface'
import type { ApiKind } from './upstream-metrics.ts'

/** For how long an endpoint that doesn't say how long is not asked again, in milliseconds. */
export const DEFAULT_PAUSE_MS = 5_000
/** For how long it is not asked at most, in milliseconds, whatever it says: limits are lifted, logins changed. */
export const MAX_PAUSE_MS = 900_000

/** What is limited by itself: Docker Hub counts each GET of a manifest, and neither HEAD nor blobs; and logins apart from addresses. */
export interface LimitedWork {
  readonly kind: ApiKind
  readonly method: 'GET' | 'HEAD'
  /** @default anonymous */
  readonly access?: Access | undefined
}

/**
 * What an endpoint has said 429 to, so that it isn't asked again before it wants to. A state machine without I/O; times are
 * monotonic milliseconds.
 */
export class RateLimitPauses {
  readonly #untilMs = new Map<string, number>()

  /** Takes note of a 429. Returns how long the pause is, in milliseconds. */
  note(work: LimitedWork, { retryAfterMs }: UpstreamRateLimitedError, nowMs: number): number {
    const pauseMs = Math.min(retryAfterMs ?? DEFAULT_PAUSE_MS, MAX_PAUSE_MS)
    this.#untilMs.set(nameOfWork(work), nowMs + pauseMs)
    return pauseMs
  }

  /** Goes on with a pause from before the start, by the name of its work. */
  restore(name: string, untilMs: number): void {
    this.#untilMs.set(name, untilMs)
  }

  /** How long it still is until the work may be asked for, in milliseconds; undefined when it may be now. */
  left(work: LimitedWork, nowMs: number): number | undefined {
    const leftMs = (this.#untilMs.get(nameOfWork(work)) ?? nowMs) - nowMs
    return leftMs > 0 ? leftMs : undefined
  }
}

/** The name of all work that is limited together. */
export function nameOfWork({ kind, method, access = 'anonymous' }: LimitedWork): string {
  return `${method} ${kind} ${access}`
}
