import type { Clock } from '@layermesh/interface'

/** A link of a fixed speed that all who send over it share: each waits until what was queued before it is through. */
export class RateLimiter {
  readonly #clock: Clock
  readonly #bytesPerSecond: number
  #freeAtMs: number

  constructor(clock: Clock, bytesPerSecond: number) {
    this.#clock = clock
    this.#bytesPerSecond = bytesPerSecond
    this.#freeAtMs = clock.monotonicMs()
  }

  /** Resolves when a link of this speed would have carried `sizeBytes`, after all that was asked for earlier. */
  async carry(sizeBytes: number): Promise<void> {
    const nowMs = this.#clock.monotonicMs()
    this.#freeAtMs = Math.max(nowMs, this.#freeAtMs) + (sizeBytes * 1000) / this.#bytesPerSecond
    const delayMs = this.#freeAtMs - nowMs
    await new Promise<void>((resolve) => this.#clock.setTimer(delayMs, resolve))
  }
}
