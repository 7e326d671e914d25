/** For how long an endpoint whose body broke off is asked last at first, in milliseconds; each further break doubles it. */
export const FIRST_SECOND_CHOICE_MS = 10_000
/** For how long it is asked last at most, in milliseconds. */
export const MAX_SECOND_CHOICE_MS = 300_000

/**
 * Remembers that the bodies of an endpoint break off, stall or drip, though it answers: while it is second choice, others go before it.
 * Nobody else to ask? Then it is asked. A state machine without I/O; times are monotonic milliseconds.
 */
export class SecondChoice {
  #untilMs = -Infinity
  #lastMs = 0

  /** A body ended before its end. */
  interrupted(nowMs: number): void {
    this.#lastMs = Math.min(Math.max(2 * this.#lastMs, FIRST_SECOND_CHOICE_MS), MAX_SECOND_CHOICE_MS)
    this.#untilMs = nowMs + this.#lastMs
  }

  /** A body came to its end. */
  completed(): void {
    this.#lastMs = 0
    this.#untilMs = -Infinity
  }

  /** Whether others are to be asked before it. */
  isNow(nowMs: number): boolean {
    return nowMs < this.#untilMs
  }
}
