import { matchesFault, type Fault } from './fault.ts'
import type { OriginRequest } from './origin-request.ts'

/** A fault that has been scripted; disposing of it ends it and releases what it holds back. */
export interface ScriptedFault extends Disposable {
  readonly fault: Fault
  /** How many requests it has befallen. */
  readonly hits: number
  /** Lets replies that hang or are stalled go on, and those that come later pass at once. */
  release(): void
}

/** A fault that befalls a request, and when what it holds back may go on. */
export interface ActiveFault {
  readonly action: Fault['action']
  readonly released: Promise<void>
}

/** The faults in the order in which they were scripted. */
export class FaultScript {
  readonly #faults = new Set<Scripted>()

  add(fault: Fault): ScriptedFault {
    const scripted = new Scripted(fault, () => this.#faults.delete(scripted))
    this.#faults.add(scripted)
    return scripted
  }

  /** The fault that befalls this request: the oldest that matches and isn't used up. */
  take(request: OriginRequest): ActiveFault | undefined {
    for (const scripted of this.#faults) {
      if (scripted.take(request)) return { action: scripted.fault.action, released: scripted.released }
    }
    return undefined
  }
}

class Scripted implements ScriptedFault {
  readonly fault: Fault
  readonly released: Promise<void>
  readonly #remove: () => void
  #release = () => {}
  hits = 0

  constructor(fault: Fault, remove: () => void) {
    this.fault = fault
    this.#remove = remove
    this.released = new Promise((resolve) => {
      this.#release = resolve
    })
  }

  take(request: OriginRequest): boolean {
    const { match, times = Infinity } = this.fault
    if (this.hits >= times || !matchesFault(match, request)) return false
    this.hits += 1
    return true
  }

  release(): void {
    this.#release()
  }

  [Symbol.dispose](): void {
    this.#remove()
    this.release()
  }
}
