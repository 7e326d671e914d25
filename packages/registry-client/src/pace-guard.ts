import type { Clock } from '@layermesh/interface'

/** The slowest pace at which a body is waited for, in bytes per second: a modem's. */
export const MIN_BYTES_PER_SECOND = 2048
/** Over how long the pace is taken, in milliseconds of waiting. */
export const PACE_WINDOW_MS = 20_000

/** How to notice a drip, and what to do then. */
export interface PaceGuardInit {
  readonly clock: Clock
  /** Called when the source is too slow; what it makes is thrown. */
  readonly makeError: () => Error
}

/**
 * A stage that throws when its source brings too little for too long, though it is never silent: such a body would keep its
 * readers for hours. Only the time that is waited for the source counts. The end of a body may be as slow as it likes.
 */
export function paceGuard({ clock, makeError }: PaceGuardInit) {
  return async function* (source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    let waitedMs = 0
    let receivedBytes = 0
    let waitingSinceMs = clock.monotonicMs()
    for await (const chunk of source) {
      waitedMs += clock.monotonicMs() - waitingSinceMs
      receivedBytes += chunk.length
      if (waitedMs >= PACE_WINDOW_MS) {
        if (receivedBytes < (MIN_BYTES_PER_SECOND * waitedMs) / 1000) throw makeError()
        waitedMs = 0
        receivedBytes = 0
      }
      yield chunk
      waitingSinceMs = clock.monotonicMs()
    }
  }
}
