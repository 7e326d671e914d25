import type { Clock } from '@layermesh/interface'

/**
 * A signal that aborts when nothing has happened for `timeoutMs`. Call `progress` whenever something happens, and
 * dispose of it at the end.
 */
export class ProgressDeadline implements Disposable {
  readonly #controller = new AbortController()
  readonly #clock: Clock
  readonly #timeoutMs: number
  readonly #makeError: () => Error
  #lastProgressMs: number
  #paused = false
  /** Whether the time is over, and only what has come in the meantime has yet to be looked at. */
  #suspected = false
  #cancel: () => void

  constructor(clock: Clock, timeoutMs: number, makeError: () => Error) {
    this.#clock = clock
    this.#timeoutMs = timeoutMs
    this.#makeError = makeError
    this.#lastProgressMs = clock.monotonicMs()
    this.#cancel = clock.setTimer(timeoutMs, this.#check)
  }

  /** Aborts with the error of `makeError` when the time is over. */
  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** Says that something happened; cheap enough for each chunk. */
  progress(): void {
    this.#paused = false
    this.#suspected = false
    this.#lastProgressMs = this.#clock.monotonicMs()
  }

  /** Stops the time until the next `progress`: while a reader is slow, the sender has no reason to go on. */
  pause(): void {
    this.#paused = true
  }

  [Symbol.dispose](): void {
    this.#cancel()
  }

  // The timer is re-armed when it fires, not at each progress: chunks come thousands of times a second.
  readonly #check = (): void => {
    const idleMs = this.#paused ? 0 : this.#clock.monotonicMs() - this.#lastProgressMs
    const leftMs = this.#timeoutMs - idleMs
    if (leftMs > 0) this.#cancel = this.#clock.setTimer(leftMs, this.#check)
    else if (this.#suspected) this.#controller.abort(this.#makeError())
    else this.#suspect()
  }

  // An event loop that was held up runs its timers before it reads its sockets, and progress may be waiting there:
  // the verdict comes after the loop has looked. That is a matter of the loop's order, not of the clock.
  #suspect(): void {
    this.#suspected = true
    const verdict = setImmediate(this.#check)
    this.#cancel = () => clearImmediate(verdict)
  }
}
