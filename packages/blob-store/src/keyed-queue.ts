/** Runs pieces of work for the same key one after the other, in the order they came; other keys don't wait. */
export class KeyedQueue<K> {
  readonly #last = new Map<K, Promise<unknown>>()

  run<T>(key: K, work: () => Promise<T>): Promise<T> {
    const result = (this.#last.get(key) ?? Promise.resolve()).then(work)
    const settled = result
      .catch(() => {})
      .then(() => {
        if (this.#last.get(key) === settled) this.#last.delete(key)
      })
    this.#last.set(key, settled)
    return result
  }

  /** How many keys have work that isn't done. */
  get size(): number {
    return this.#last.size
  }
}
