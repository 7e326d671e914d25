import { abortable, ProgressDeadline } from '@layermesh/async'
import type { Clock } from '@layermesh/interface'
import { CommandError } from '../command-error.ts'
import type { DemoProgress } from './demo-progress.ts'

/** How long nothing at all may happen, in milliseconds. Generous: machines that demos run on are busy. */
export const STALL_TIMEOUT_MS = 120_000

/** What steps are run with. */
export interface DemoStepsDeps {
  readonly progress: DemoProgress
  readonly clock: Clock
  /** Ends the step that is under way. */
  readonly signal: AbortSignal
}

/** Says how much of a step is done, 0 to 1. */
export type Advance = (done: number) => void

/** Runs the steps of a demo, one at a time: tells how far they are, and ends one in which nothing happens any more. */
export class DemoSteps implements Disposable {
  /** Aborts what a step does when the step is to end. */
  readonly signal: AbortSignal
  readonly #deps: DemoStepsDeps
  readonly #deadline: ProgressDeadline
  #title = ''

  constructor(deps: DemoStepsDeps) {
    this.#deps = deps
    this.#deadline = new ProgressDeadline(deps.clock, STALL_TIMEOUT_MS, () => {
      return new CommandError(`for ${STALL_TIMEOUT_MS / 1000} s nothing has happened in: ${this.#title}`)
    })
    this.signal = AbortSignal.any([deps.signal, this.#deadline.signal])
  }

  /** Runs a step and returns what came of it and how long it took. Rejects with what the step or the signal says. */
  async run<Value>(
    title: string,
    work: (advance: Advance) => Promise<Value>,
  ): Promise<{ readonly value: Value; readonly seconds: number }> {
    const { clock, progress } = this.#deps
    const startedMs = clock.monotonicMs()
    this.#title = title
    this.#deadline.progress()
    progress.begin(title)
    try {
      const value = await abortable(
        work((done) => {
          this.#deadline.progress()
          progress.advance(done)
        }),
        this.signal,
      )
      const seconds = (clock.monotonicMs() - startedMs) / 1000
      progress.end(seconds)
      return { value, seconds }
    } catch (error) {
      progress.fail()
      throw error
    }
  }

  [Symbol.dispose](): void {
    this.#deadline[Symbol.dispose]()
  }
}
