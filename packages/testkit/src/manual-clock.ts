import type { CancelTimer, Clock } from '@layermesh/interface'

interface Timer {
  readonly dueMs: number
  readonly callback: () => void
}

/** A clock that stands still until a test moves it. Timers fire in the order of their due times. */
export class ManualClock implements Clock {
  #elapsedMs = 0
  readonly #startMs: number
  readonly #timers = new Set<Timer>()

  /** `startMs` is the Unix time, in milliseconds, at which the clock stands at first. */
  constructor(startMs = Date.UTC(2026, 0, 1)) {
    this.#startMs = startMs
  }

  now(): number {
    return this.#startMs + this.#elapsedMs
  }

  monotonicMs(): number {
    return this.#elapsedMs
  }

  setTimer(delayMs: number, callback: () => void): CancelTimer {
    const timer = { dueMs: this.#elapsedMs + delayMs, callback }
    this.#timers.add(timer)
    return () => this.#timers.delete(timer)
  }

  /** How many timers are armed. */
  get pendingTimers(): number {
    return this.#timers.size
  }

  /** Moves time on by `ms` and fires what becomes due on the way, timers that are set on the way included. */
  advance(ms: number): void {
    const targetMs = this.#elapsedMs + ms
    for (;;) {
      const next = this.#nextDue(targetMs)
      if (next === undefined) break
      this.#timers.delete(next)
      this.#elapsedMs = Math.max(this.#elapsedMs, next.dueMs)
      next.callback()
    }
    this.#elapsedMs = targetMs
  }

  #nextDue(untilMs: number): Timer | undefined {
    let next: Timer | undefined
    for (const timer of this.#timers) {
      if (timer.dueMs <= untilMs && (next === undefined || timer.dueMs < next.dueMs)) next = timer
    }
    return next
  }
}
