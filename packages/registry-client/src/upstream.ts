import {
  type Clock,
  type ContentKind,
  type Log,
  UpstreamProtocolError,
  UpstreamUnreachableError,
} from '@layermesh/interface'
import { type BreakerFinding, CircuitBreaker } from './circuit-breaker.ts'
import type { Endpoint } from './endpoint.ts'
import { nextRetryDelay } from './next-retry-delay.ts'
import { wait } from './wait.ts'

/** What an upstream works with. */
export interface UpstreamDeps {
  readonly clock: Clock
  readonly log: Log
  /** Yields a number of [0, 1). */
  readonly random: () => number
}

/** A piece of work at one endpoint: idempotent, and without effect when it throws. */
export interface EndpointWork<T> {
  readonly kind: ContentKind
  readonly signal: AbortSignal | undefined
  run(endpoint: Endpoint): Promise<T>
}

interface Guarded {
  readonly endpoint: Endpoint
  readonly breaker: CircuitBreaker
}

/** One upstream: its endpoints in the order of preference, and what is known of their health. */
export class Upstream {
  readonly host: string
  readonly #deps: UpstreamDeps
  readonly #endpoints: readonly Guarded[]

  constructor(deps: UpstreamDeps, host: string, endpoints: readonly Endpoint[]) {
    this.host = host
    this.#deps = { ...deps, log: deps.log.child({ upstream: host }) }
    this.#endpoints = endpoints.map((endpoint) => ({ endpoint, breaker: new CircuitBreaker() }))
  }

  /**
   * Does `work` at the first endpoint that gives a usable answer: the next one is tried after ERR_UPSTREAM_UNREACHABLE
   * and ERR_UPSTREAM_PROTOCOL; all else is upstream's word, and thrown as it is.
   */
  async perform<T>(work: EndpointWork<T>): Promise<T> {
    const failures: Error[] = []
    for (const guarded of this.#endpoints) {
      try {
        return await this.#performGuarded(guarded, work)
      } catch (error) {
        if (!isWorthAnother(error)) throw error
        failures.push(error)
        this.#deps.log.debug(
          { endpoint: guarded.endpoint.name, kind: work.kind, err: error },
          'upstream endpoint failed',
        )
      }
    }
    const [failure] = failures
    if (failure !== undefined && failures.length === 1) throw failure
    const message = `${this.host}: none of its ${failures.length} endpoints gave a usable answer`
    throw new UpstreamUnreachableError(message, { cause: new AggregateError(failures) })
  }

  async #performGuarded<T>({ endpoint, breaker }: Guarded, work: EndpointWork<T>): Promise<T> {
    const { clock } = this.#deps
    const pass = breaker.enter(clock.monotonicMs())
    if (pass === undefined) {
      throw new UpstreamUnreachableError(
        `${this.host}: ${endpoint.name} is left alone after repeated failures`,
      )
    }
    let finding: BreakerFinding = 'unknown'
    let failure: unknown
    try {
      const result = await this.#performPatiently(endpoint, work)
      finding = 'alive'
      return result
    } catch (error) {
      failure = error
      if (work.signal?.aborted !== true) finding = findingOf(error)
      throw error
    } finally {
      const change = breaker.leave(pass, finding, clock.monotonicMs())
      if (change === 'opened')
        this.#deps.log.warn({ endpoint: endpoint.name, err: failure }, 'upstream endpoint left alone')
      if (change === 'closed')
        this.#deps.log.info({ endpoint: endpoint.name }, 'upstream endpoint answers again')
    }
  }

  async #performPatiently<T>(endpoint: Endpoint, work: EndpointWork<T>): Promise<T> {
    const { clock, log, random } = this.#deps
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await work.run(endpoint)
      } catch (error) {
        const delayMs = nextRetryDelay({ attempt, error, random })
        if (delayMs === undefined) throw error
        log.debug(
          { endpoint: endpoint.name, kind: work.kind, attempt, delayMs, err: error },
          'upstream request repeated',
        )
        await wait(clock, delayMs, work.signal)
      }
    }
  }
}

/** Whether another endpoint may do better: this one is unreachable, or what it says makes no sense. */
function isWorthAnother(error: unknown): error is Error {
  return error instanceof UpstreamUnreachableError || error instanceof UpstreamProtocolError
}

function findingOf(error: unknown): BreakerFinding {
  return error instanceof UpstreamUnreachableError ? 'dead' : 'alive'
}
