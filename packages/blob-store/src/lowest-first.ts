/**
 * The indices of `values`, from the lowest value to the highest. A heap: making it costs little, and a caller that takes the
 * first few of many doesn't pay for sorting them all.
 */
export class LowestFirst {
  readonly #values: Float64Array
  readonly #heap: Uint32Array
  #size: number

  constructor(values: readonly number[]) {
    this.#values = new Float64Array(values)
    this.#heap = new Uint32Array(values.length)
    this.#size = values.length
    for (let index = 0; index < values.length; index++) this.#heap[index] = index
    for (let parent = (this.#size >>> 1) - 1; parent >= 0; parent--) this.#sink(parent)
  }

  /** The next index; undefined when all were taken. */
  next(): number | undefined {
    if (this.#size === 0) return undefined
    const lowest = this.#heap[0]
    this.#size--
    this.#heap[0] = this.#heap[this.#size] ?? 0
    this.#sink(0)
    return lowest
  }

  /** Moves what is at a position down, until nothing below it is lower. */
  #sink(position: number): void {
    const index = this.#heap[position] ?? 0
    const value = this.#values[index] ?? 0
    let hole = position
    for (;;) {
      const child = this.#lowerChild(hole)
      if (child >= this.#size || this.#valueAt(child) >= value) break
      this.#heap[hole] = this.#heap[child] ?? 0
      hole = child
    }
    this.#heap[hole] = index
  }

  #lowerChild(parent: number): number {
    const left = 2 * parent + 1
    const right = left + 1
    return right < this.#size && this.#valueAt(right) < this.#valueAt(left) ? right : left
  }

  #valueAt(position: number): number {
    return this.#values[this.#heap[position] ?? 0] ?? 0
  }
}
