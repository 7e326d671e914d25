/** Those who wait for something to happen to a piece. A waiter that gives up leaves nothing behind. */
export class PieceWaiters {
  readonly #waiting = new Map<number, Set<PromiseWithResolvers<undefined>>>()

  /** How many are waiting. */
  get size(): number {
    let size = 0
    for (const waiters of this.#waiting.values()) size += waiters.size
    return size
  }

  /**
   * Resolves at the next `wake(index)`, rejects at the next `rejectAll`, or with `signal.reason`. A waker doesn't say
   * what has happened: the waiter looks again.
   */
  async wait(index: number, signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted()
    const waiter = Promise.withResolvers<undefined>()
    const onAbort = () => {
      waiter.reject(signal?.reason as Error)
    }
    signal?.addEventListener('abort', onAbort, { once: true })
    const waiters = this.#waiting.get(index) ?? new Set()
    this.#waiting.set(index, waiters.add(waiter))
    try {
      await waiter.promise
    } finally {
      signal?.removeEventListener('abort', onAbort)
      waiters.delete(waiter)
      if (waiters.size === 0 && this.#waiting.get(index) === waiters) this.#waiting.delete(index)
    }
  }

  /** Wakes those who wait for piece `index`. */
  wake(index: number): void {
    for (const waiter of this.#waiting.get(index) ?? []) waiter.resolve(undefined)
  }

  /** Ends all waiting with `reason`. */
  rejectAll(reason: Error): void {
    for (const waiters of this.#waiting.values()) {
      for (const waiter of waiters) waiter.reject(reason)
    }
  }
}
