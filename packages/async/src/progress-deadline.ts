import type { Clock } from '@layermesh/interface'

/** In how many steps a time-out passes. */
const STEPS = 8

/**
 * A signal that aborts when nothing has happened for `timeoutMs`. Call `progress` whenever something happens, and
 * dispose of it at the end.
 *
 * The time passes in steps, and a step counts no more than its length, however late its end is seen. So what counts is time that this
 * process has lived through: when it was stopped, or gets a processor only now and then, that is no reason to take others for dead.
 */
export class ProgressDeadline implements Disposable {
  readonly #controller = new AbortController()
  readonly #clock: Clock
  readonly #timeoutMs: number
  readonly #stepMs: number
  readonly #makeError: () => Error
  /** How much of the time had passed when it was last looked at. */
  #idleMs = 0
  /** When that was, or when something happened since. */
  #sinceMs: number
  #paused = false
  /** Whether the time is over, and only what has come in the meantime has yet to be looked at. */
  #suspected = false
  #cancel: () => void

  constructor(clock: Clock, timeoutMs: number, makeError: () => Error) {
    this.#clock = clock
    this.#timeoutMs = timeoutMs
    this.#stepMs = timeoutMs / STEPS
    this.#makeError = makeError
    this.#sinceMs = clock.monotonicMs()
    this.#cancel = clock.setTimer(this.#stepMs, this.#check)
  }

  /** Aborts with the error of `makeError` when the time is over. */
  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** Says that something happened; cheap enough for each chunk. */
  progress(): void {
    this.#paused = false
    this.#suspected = false
    this.#idleMs = 0
    this.#sinceMs = this.#clock.monotonicMs()
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
    const nowMs = this.#clock.monotonicMs()
    if (this.#paused) this.#idleMs = 0
    else this.#idleMs += Math.min(nowMs - this.#sinceMs, this.#stepMs)
    this.#sinceMs = nowMs
    const leftMs = this.#timeoutMs - this.#idleMs
    if (leftMs > 0) this.#cancel = this.#clock.setTimer(Math.min(leftMs, this.#stepMs), this.#check)
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
