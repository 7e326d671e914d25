import type { CancelTimer, Clock } from '@layermesh/interface'

interface Timer {
  readonly dueMs: number
  /** Timers that are due at the same time fire in the order in which they were set. */
  readonly order: number
  callback: (() => void) | undefined
}

/** Time that passes as quickly as things can happen: a clock with many timers. */
export class VirtualClock implements Clock {
  readonly #heap: Timer[] = []
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
    this.#push(timer)
    return () => (timer.callback = undefined)
  }

  /**
   * Fires all timers up to `untilMs`; `settle` is called after those of each millisecond, to let promises have their turn.
   * Returns how many have fired.
   */
  async run(untilMs: number, settle: () => Promise<void>): Promise<number> {
    let fired = 0
    for (let next = this.#heap[0]; next !== undefined && next.dueMs <= untilMs; next = this.#heap[0]) {
      const endOfMs = Math.floor(next.dueMs) + 1
      while (this.#heap[0] !== undefined && this.#heap[0].dueMs < endOfMs) fired += this.#fire()
      await settle()
    }
    this.#nowMs = untilMs
    return fired
  }

  #fire(): number {
    const timer = this.#pop()
    if (timer?.callback === undefined) return 0
    this.#nowMs = Math.max(this.#nowMs, timer.dueMs)
    timer.callback()
    return 1
  }

  #push(timer: Timer): void {
    const heap = this.#heap
    let at = heap.push(timer) - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      const above = heap[parent]
      if (above === undefined || isBefore(above, timer)) break
      heap[at] = above
      at = parent
    }
    heap[at] = timer
  }

  #pop(): Timer | undefined {
    const heap = this.#heap
    const [top] = heap
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return top
    let at = 0
    for (;;) {
      const [left, right] = [heap[2 * at + 1], heap[2 * at + 2]]
      if (left === undefined) break
      const isRight = right !== undefined && isBefore(right, left)
      const child = isRight ? right : left
      if (isBefore(last, child)) break
      heap[at] = child
      at = 2 * at + (isRight ? 2 : 1)
    }
    heap[at] = last
    return top
  }
}

function isBefore(a: Timer, b: Timer): boolean {
  return a.dueMs === b.dueMs ? a.order < b.order : a.dueMs < b.dueMs
}
