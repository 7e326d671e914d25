import ora, { type Ora } from 'ora'
import { hasScreen } from '../has-screen.ts'

/** Tells people how far a demo is, step by step. */
export interface DemoProgress {
  /** A step has begun; the one before it has ended. */
  begin(step: string): void
  /** Part of the step that is done, 0 to 1. */
  advance(done: number): void
  /** The step is done, after `seconds`. */
  end(seconds: number): void
  /** The step that is under way, if there is one, has come to nothing. */
  fail(): void
}

/** Shows progress as fits what `stream` is: a spinner on a screen, else one plain line for each step. */
export function createDemoProgress(stream: NodeJS.WriteStream): DemoProgress {
  return hasScreen(stream) ? new SpinnerProgress(stream) : new PlainProgress(stream)
}

class SpinnerProgress implements DemoProgress {
  readonly #spinner: Ora
  #done = 0

  constructor(stream: NodeJS.WriteStream) {
    // Reading from the terminal would keep Ctrl-C from being a signal.
    this.#spinner = ora({ stream, discardStdin: false })
  }

  begin(step: string): void {
    this.#done = 0
    this.#spinner.suffixText = () => (this.#done === 0 ? '' : `${Math.floor(this.#done * 100)} %`)
    this.#spinner.start(step)
  }

  advance(done: number): void {
    this.#done = done
  }

  end(seconds: number): void {
    this.#spinner.suffixText = `${seconds.toFixed(1)} s`
    this.#spinner.succeed()
  }

  fail(): void {
    if (!this.#spinner.isSpinning) return
    this.#spinner.suffixText = ''
    this.#spinner.fail()
  }
}

class PlainProgress implements DemoProgress {
  readonly #stream: NodeJS.WritableStream
  #open = false

  constructor(stream: NodeJS.WritableStream) {
    this.#stream = stream
  }

  begin(step: string): void {
    this.#open = true
    this.#stream.write(`${step} ... `)
  }

  advance(): void {
    // Only the beginning and the end of a step are worth a place in a file.
  }

  end(seconds: number): void {
    this.#open = false
    this.#stream.write(`${seconds.toFixed(1)} s\n`)
  }

  fail(): void {
    if (this.#open) this.#stream.write('failed\n')
    this.#open = false
  }
}
