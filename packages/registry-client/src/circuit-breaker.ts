/** How many calls must find an endpoint dead, one after the other, before it is left alone. */
export const FAILURES_TO_OPEN = 3
/** For how long a dead endpoint is left alone at first; each trial that fails doubles it. */
export const FIRST_OPEN_MS = 5_000
/** For how long a dead endpoint is left alone at most. */
export const MAX_OPEN_MS = 60_000

/** Leave to call an endpoint: as usual, or as the one trial of an endpoint that was dead. */
export type BreakerPass = 'call' | 'trial'

/** What a call has found out; `unknown` when its caller gave up before an answer. */
export type BreakerFinding = 'alive' | 'dead' | 'unknown'

/** Whether an endpoint is called as usual, left alone, or on trial after that. */
export type BreakerStateName = BreakerState['name']

/** What a finding has changed. */
export type BreakerChange = 'opened' | 'closed' | 'none'

type BreakerState =
  | { readonly name: 'closed'; readonly failures: number }
  | { readonly name: 'open'; readonly untilMs: number; readonly openMs: number }
  | { readonly name: 'half-open'; readonly openMs: number }

const CLOSED: BreakerState = { name: 'closed', failures: 0 }

/**
 * Decides whether an endpoint may be called, so that a dead one costs nothing instead of a time-out for each request.
 * A state machine without I/O; times are monotonic milliseconds. Each pass of `enter` goes back through `leave`, once.
 */
export class CircuitBreaker {
  #state: BreakerState = CLOSED

  get state(): BreakerStateName {
    return this.#state.name
  }

  /** Leave to call, or undefined when the endpoint is to be left alone. */
  enter(nowMs: number): BreakerPass | undefined {
    const state = this.#state
    if (state.name === 'closed') return 'call'
    if (state.name === 'half-open' || nowMs < state.untilMs) return undefined
    this.#state = { name: 'half-open', openMs: state.openMs }
    return 'trial'
  }

  /** Takes note of what the call that `pass` was given for has found out. */
  leave(pass: BreakerPass, finding: BreakerFinding, nowMs: number): BreakerChange {
    const state = this.#state
    if (finding === 'alive') {
      this.#state = CLOSED
      return state.name === 'closed' ? 'none' : 'closed'
    }
    if (state.name === 'closed') {
      return finding === 'dead' ? this.#countFailure(state.failures + 1, nowMs) : 'none'
    }
    // Calls that began before it opened say nothing new; only the trial does.
    if (state.name === 'open' || pass !== 'trial') return 'none'
    if (finding === 'unknown') {
      this.#state = { name: 'open', untilMs: nowMs, openMs: state.openMs }
      return 'none'
    }
    return this.#open(Math.min(state.openMs * 2, MAX_OPEN_MS), nowMs)
  }

  #countFailure(failures: number, nowMs: number): BreakerChange {
    if (failures >= FAILURES_TO_OPEN) return this.#open(FIRST_OPEN_MS, nowMs)
    this.#state = { name: 'closed', failures }
    return 'none'
  }

  #open(openMs: number, nowMs: number): BreakerChange {
    this.#state = { name: 'open', untilMs: nowMs + openMs, openMs }
    return 'opened'
  }
}
