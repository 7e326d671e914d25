/** How much may be taken: so much a second in the long run, and so much at once. */
export interface BucketInit {
  readonly perSecond: number
  readonly burst: number
}

/** A limit of a rate: a bucket that fills while time passes and from which each taker takes. Without a clock of its own. */
export class TokenBucket {
  readonly #init: BucketInit
  #tokens: number
  #atMs: number

  /** Full at `nowMs`, the time of a monotonic clock in milliseconds. */
  constructor(init: BucketInit, nowMs: number) {
    this.#init = init
    this.#tokens = init.burst
    this.#atMs = nowMs
  }

  /** Takes so many tokens if they are there, and returns whether they were. */
  take(amount: number, nowMs: number): boolean {
    const { perSecond, burst } = this.#init
    this.#tokens = Math.min(burst, this.#tokens + ((nowMs - this.#atMs) * perSecond) / 1000)
    this.#atMs = nowMs
    if (this.#tokens < amount) return false
    this.#tokens -= amount
    return true
  }
}
