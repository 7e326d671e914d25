/** Lets so many run at a time; the others wait for their turn in the order in which they came. */
export class Turns {
  #free: number
  readonly #waiting: (() => void)[] = []

  constructor(limit: number) {
    this.#free = limit
  }

  /** Runs `work` when it is its turn. Rejects with `signal.reason` without running it if the signal is aborted then. */
  async run<T>(work: () => Promise<T>, { signal }: { readonly signal: AbortSignal }): Promise<T> {
    if (this.#free > 0) this.#free -= 1
    else await new Promise<void>((resolve) => this.#waiting.push(resolve))
    try {
      signal.throwIfAborted()
      return await work()
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#free += 1
      else next()
    }
  }
}
