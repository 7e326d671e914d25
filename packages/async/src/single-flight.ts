import { abortable } from './abortable.ts'

/**
 * Runs at most one piece of work for each key at a time; callers that come while it runs share its outcome.
 * A caller's `signal` ends that caller's waiting only, never the work.
 */
export class SingleFlight<K, V> {
  readonly #running = new Map<K, Promise<V>>()

  /** Joins the work that runs for `key`, or starts it. Rejects with the work's error, or with `signal.reason`. */
  run(key: K, work: () => Promise<V>, options: { readonly signal?: AbortSignal } = {}): Promise<V> {
    let flight = this.#running.get(key)
    if (flight === undefined) {
      flight = work().finally(() => this.#running.delete(key))
      // A flight whose callers all went away may fail with nobody listening.
      flight.catch(() => {})
      this.#running.set(key, flight)
    }
    return abortable(flight, options.signal)
  }

  /** How many keys are being worked on. */
  get size(): number {
    return this.#running.size
  }
}
