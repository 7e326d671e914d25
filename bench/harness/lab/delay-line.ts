import type { Clock } from '@layermesh/interface'

/** What is on its way at most; frames beyond are lost, as in any queue that is full. 1 Gbit/s over 250 ms is 30 MiB. */
const MAX_BYTES_UNDER_WAY = 64 * 1024 * 1024

/** What a {@link DelayLine} works with. */
export interface DelayLineDeps {
  readonly clock: Clock
  readonly deliver: (frame: Uint8Array) => void
}

/** One direction of a wire of a given length: frames come out in their order, each `delayMs` after it went in. */
export class DelayLine {
  readonly #deps: DelayLineDeps
  readonly #delayMs: number
  readonly #underWay: { readonly dueMs: number; readonly frame: Uint8Array }[] = []
  #bytesUnderWay = 0

  constructor(deps: DelayLineDeps, delayMs: number) {
    this.#deps = deps
    this.#delayMs = delayMs
  }

  /** Takes over the frame. */
  send(frame: Uint8Array): void {
    if (this.#bytesUnderWay + frame.length > MAX_BYTES_UNDER_WAY) return
    this.#bytesUnderWay += frame.length
    this.#underWay.push({ dueMs: this.#deps.clock.monotonicMs() + this.#delayMs, frame })
    if (this.#underWay.length === 1) this.#wait(this.#delayMs)
  }

  #wait(ms: number): void {
    this.#deps.clock.setTimer(Math.ceil(ms), () => {
      this.#deliverDue()
    })
  }

  #deliverDue(): void {
    const { clock, deliver } = this.#deps
    const nowMs = clock.monotonicMs()
    const firstLater = this.#underWay.findIndex(({ dueMs }) => dueMs > nowMs)
    const due = this.#underWay.splice(0, firstLater === -1 ? this.#underWay.length : firstLater)
    for (const { frame } of due) {
      this.#bytesUnderWay -= frame.length
      deliver(frame)
    }
    const [next] = this.#underWay
    if (next !== undefined) this.#wait(next.dueMs - nowMs)
  }
}
