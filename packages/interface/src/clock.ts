/** Cancels a timer; idempotent. */
export type CancelTimer = () => void

/** Time, so that tests can drive it. */
export interface Clock {
  /** Unix time in milliseconds. */
  now(): number
  /** Milliseconds since an arbitrary start; never goes back. */
  monotonicMs(): number
  /** Calls `callback` once after `delayMs`. The timer alone doesn't keep the process alive. */
  setTimer(delayMs: number, callback: () => void): CancelTimer
}

/** The machine's own clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  setTimer(delayMs, callback) {
    const timer = setTimeout(callback, delayMs)
    timer.unref()
    return () => clearTimeout(timer)
  },
}
