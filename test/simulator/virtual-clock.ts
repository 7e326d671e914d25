import type { CancelTimer, Clock } from '@layermesh/interface'

interface Timer {
  readonly dueMs: number
  /** Timers that are due at the same time fire in the order in which they were set. */
  readonly order: number
  callback: (() => void) | undefined
}

/** Time that passes as quickly as things can happen: a clock with millions of timers. */
export class VirtualClock implements Clock {
  /** Timers by the millisecond that they are due in, in no order. */
  readonly #timers = new Map<number, Timer[]>()
  /** The milliseconds that have timers: a heap, the earliest first. */
  readonly #heap: number[] = []
  /** Timers of the millisecond that is under way, in their order, and which is next. */
  #current: Timer[] = []
  #next = 0
  #endOfCurrentMs = -Infinity
  #nowMs = 0
  #order = 0

  now(): number {
    return this.#nowMs
  }

  monotonicMs(): number {
    return this.#nowMs
  }

  setTimer(delayMs: number, callback: () => void): CancelTimer {
    const timer: Timer = { dueMs: this.#nowMs + Math.max(0, delayMs), order: this.#order, callback }
    this.#order += 1
    if (timer.dueMs < this.#endOfCurrentMs) this.#insert(timer)
    else this.#add(timer)
    return () => (timer.callback = undefined)
  }

  /**
   * Fires all timers of the milliseconds before `untilMs`, which it makes a whole one; `settle` is called after those of each
   * millisecond, to let promises have their turn. Returns how many have fired.
   */
  async run(untilMs: number, settle: () => Promise<void>): Promise<number> {
    const endMs = Math.ceil(untilMs)
    let fired = 0
    for (let ms = this.#heap[0]; ms !== undefined && ms < endMs; ms = this.#heap[0]) {
      fired += this.#fireAll(ms)
      await settle()
    }
    this.#nowMs = endMs
    return fired
  }

  #fireAll(ms: number): number {
    this.#removeFirst()
    this.#current = (this.#timers.get(ms) ?? []).sort(byTime)
    this.#timers.delete(ms)
    this.#endOfCurrentMs = ms + 1
    let fired = 0
    for (this.#next = 0; this.#next < this.#current.length;) {
      const timer = this.#current[this.#next]
      this.#next += 1
      if (timer?.callback === undefined) continue
      this.#nowMs = Math.max(this.#nowMs, timer.dueMs)
      timer.callback()
      fired += 1
    }
    this.#current = []
    this.#endOfCurrentMs = -Infinity
    return fired
  }

  #add(timer: Timer): void {
    const ms = Math.floor(timer.dueMs)
    const known = this.#timers.get(ms)
    if (known !== undefined) {
      known.push(timer)
      return
    }
    this.#timers.set(ms, [timer])
    const heap = this.#heap
    let at = heap.push(ms) - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      const above = heap[parent] ?? ms
      if (above <= ms) break
      heap[at] = above
      at = parent
    }
    heap[at] = ms
  }

  /** Adds a timer that is due in the millisecond that is under way: after those that are due before it. */
  #insert(timer: Timer): void {
    let [low, high] = [this.#next, this.#current.length]
    while (low < high) {
      const middle = (low + high) >> 1
      const other = this.#current[middle]
      if (other !== undefined && byTime(other, timer) < 0) low = middle + 1
      else high = middle
    }
    this.#current.splice(low, 0, timer)
  }

  #removeFirst(): void {
    const heap = this.#heap
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return
    let at = 0
    for (;;) {
      const [left, right] = [heap[2 * at + 1], heap[2 * at + 2]]
      if (left === undefined) break
      const child = right !== undefined && right < left ? right : left
      if (last <= child) break
      heap[at] = child
      at = 2 * at + (child === left ? 1 : 2)
    }
    heap[at] = last
  }
}

function byTime(a: Timer, b: Timer): number {
  return a.dueMs - b.dueMs || a.order - b.order
}
