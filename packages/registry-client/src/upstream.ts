import {
  type Clock,
  type EndpointState,
  type Log,
  UpstreamDeniedError,
  UpstreamNotFoundError,
  UpstreamProtocolError,
  UpstreamRateLimitedError,
  type UpstreamStatus,
  UpstreamUnreachableError,
} from '@layermesh/interface'
import { type BreakerFinding, CircuitBreaker } from './circuit-breaker.ts'
import type { CredentialSource } from './credential.ts'
import type { Endpoint } from './endpoint.ts'
import type { KeptAnswers } from './kept-answers.ts'
import { KeptPauses } from './kept-pauses.ts'
import { KeptRefusals } from './kept-refusals.ts'
import type { LoginMarks } from './login-marks.ts'
import { nextRetryDelay } from './next-retry-delay.ts'
import type { PullQuota } from './pull-quota.ts'
import type { LimitedWork } from './rate-limit-pauses.ts'
import { SecondChoice } from './second-choice.ts'
import { wait } from './wait.ts'

/** What an upstream works with. */
export interface UpstreamDeps {
  readonly clock: Clock
  readonly log: Log
  /** Yields a number of [0, 1). */
  readonly random: () => number
  /** The logins of its endpoints. */
  readonly credentials: CredentialSource
  /** What upstreams have said that holds across a restart. */
  readonly answers: KeptAnswers
  readonly marks: LoginMarks
}

/** Who wants to know how a body ended that an endpoint began. */
export interface BodyObserver {
  completed(): void
  /** It ended early, or next to nothing came for too long. */
  interrupted(): void
}

/** A piece of work at one endpoint: idempotent, and without effect when it throws. */
export interface EndpointWork<T> extends LimitedWork {
  readonly repository: string
  /** A digest or, for a manifest, a tag; `list` for tags. */
  readonly reference: string
  readonly signal: AbortSignal | undefined
  run(endpoint: Endpoint, body: BodyObserver): Promise<T>
}

interface Guarded {
  readonly endpoint: Endpoint
  readonly breaker: CircuitBreaker
  readonly pauses: KeptPauses
  readonly secondChoice: SecondChoice
}

const STATES = { closed: 'answers', open: 'left-alone', 'half-open': 'on-trial' } as const

/** One upstream: its endpoints in the order of preference, and what is known of their health. */
export class Upstream {
  readonly host: string
  readonly #deps: UpstreamDeps
  readonly #endpoints: readonly Guarded[]
  readonly #refusals: KeptRefusals

  constructor(deps: UpstreamDeps, host: string, endpoints: readonly Endpoint[]) {
    this.host = host
    this.#deps = { ...deps, log: deps.log.child({ upstream: host }) }
    const { answers } = deps
    const earlier = answers.takeEarlier(host)
    this.#refusals = new KeptRefusals(deps, host, earlier)
    this.#endpoints = endpoints.map((endpoint) => ({
      endpoint,
      breaker: new CircuitBreaker(),
      pauses: new KeptPauses(answers, { upstream: host, endpoint: endpoint.id, earlier }),
      secondChoice: new SecondChoice(),
    }))
  }

  /** What the node tells of it. */
  status(): UpstreamStatus {
    const nowMs = this.#deps.clock.monotonicMs()
    return {
      host: this.host,
      endpoints: this.#endpoints.map(({ endpoint, breaker, secondChoice }) => ({
        name: endpoint.name,
        mirror: endpoint.isMirror,
        state: stateOf(breaker, secondChoice, nowMs),
        quota: endpoint.quota === undefined ? null : quotaStatus(endpoint.quota),
      })),
    }
  }

  /** What the registry itself has said last of how many pulls are left. */
  get quota(): PullQuota | undefined {
    return this.#endpoints
      .flatMap(({ endpoint }) => (endpoint.isMirror ? [] : (endpoint.quota ?? [])))
      .toSorted((a, b) => b.seenAtMs - a.seenAtMs)[0]
  }

  /**
   * Does `work` at the first endpoint that gives a usable answer: the next one is tried after ERR_UPSTREAM_UNREACHABLE,
   * ERR_UPSTREAM_PROTOCOL and ERR_UPSTREAM_RATE_LIMITED, and after whatever a mirror can't give; all else is upstream's
   * word, and thrown as it is; for some seconds it is thrown again without asking, across a restart too.
   */
  async perform<T>(work: EndpointWork<T>): Promise<T> {
    const { clock, credentials } = this.#deps
    const { kind, repository, access, reference, signal } = work
    const credential = access === 'login' ? await credentials.find(repository, signal) : undefined
    const request = { kind, repository, reference, loginId: credential?.id }
    const refusal = await this.#refusals.find(request, clock.monotonicMs())
    if (refusal !== undefined) throw refusal
    try {
      return await this.#performSomewhere(work)
    } catch (error) {
      this.#refusals.note(request, error, clock.monotonicMs())
      throw error
    }
  }

  async #performSomewhere<T>(work: EndpointWork<T>): Promise<T> {
    const failures: Error[] = []
    for (const guarded of this.#inOrder()) {
      try {
        return await this.#performGuarded(guarded, work)
      } catch (error) {
        if (!isWorthAnother(error, guarded.endpoint)) throw error
        failures.push(error)
        this.#deps.log.debug(
          { endpoint: guarded.endpoint.name, kind: work.kind, err: error },
          'upstream endpoint failed',
        )
      }
    }
    throw this.#verdictOf(failures)
  }

  #inOrder(): readonly Guarded[] {
    const nowMs = this.#deps.clock.monotonicMs()
    const isSecond = ({ secondChoice }: Guarded) => secondChoice.isNow(nowMs)
    return [...this.#endpoints.filter((each) => !isSecond(each)), ...this.#endpoints.filter(isSecond)]
  }

  #verdictOf(failures: readonly Error[]): Error {
    const [failure] = failures
    if (failure !== undefined && failures.length === 1) return failure
    // Says more than that the others can't be reached: when to come back.
    const limited = failures.find((each) => each instanceof UpstreamRateLimitedError)
    if (limited !== undefined) return limited
    const message = `${this.host}: none of its ${failures.length} endpoints gave a usable answer`
    return new UpstreamUnreachableError(message, { cause: new AggregateError(failures) })
  }

  async #performGuarded<T>(guarded: Guarded, work: EndpointWork<T>): Promise<T> {
    const { endpoint, breaker, pauses } = guarded
    const { clock } = this.#deps
    const leftMs = pauses.left(work, clock.monotonicMs())
    if (leftMs !== undefined) {
      throw new UpstreamRateLimitedError(`${this.host}: ${endpoint.name} is left alone after 429`, leftMs)
    }
    const pass = breaker.enter(clock.monotonicMs())
    if (pass === undefined) {
      throw new UpstreamUnreachableError(
        `${this.host}: ${endpoint.name} is left alone after repeated failures`,
      )
    }
    let finding: BreakerFinding = 'unknown'
    let failure: unknown
    try {
      const result = await this.#performPatiently(guarded, work)
      finding = 'alive'
      return result
    } catch (error) {
      failure = error
      if (error instanceof UpstreamRateLimitedError) pauses.note(work, error, clock.monotonicMs())
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

  async #performPatiently<T>({ endpoint, secondChoice }: Guarded, work: EndpointWork<T>): Promise<T> {
    const { clock, log, random } = this.#deps
    const body: BodyObserver = {
      completed: () => secondChoice.completed(),
      interrupted: () => secondChoice.interrupted(clock.monotonicMs()),
    }
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await work.run(endpoint, body)
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

/** Whether another endpoint may do better: this one is unreachable or overrun, makes no sense, or isn't the registry itself. */
function isWorthAnother(error: unknown, { isMirror }: Endpoint): error is Error {
  if (error instanceof UpstreamNotFoundError || error instanceof UpstreamDeniedError) return isMirror
  return (
    error instanceof UpstreamUnreachableError ||
    error instanceof UpstreamProtocolError ||
    error instanceof UpstreamRateLimitedError
  )
}

function findingOf(error: unknown): BreakerFinding {
  return error instanceof UpstreamUnreachableError ? 'dead' : 'alive'
}

function stateOf(breaker: CircuitBreaker, secondChoice: SecondChoice, nowMs: number): EndpointState {
  const state = STATES[breaker.state]
  return state === 'answers' && secondChoice.isNow(nowMs) ? 'asked-last' : state
}

function quotaStatus({ limit, remaining, windowSeconds, source, seenAtMs }: PullQuota) {
  return {
    limit,
    remaining,
    windowSeconds: windowSeconds ?? null,
    source: source ?? null,
    seenAt: new Date(seenAtMs).toISOString(),
  }
}
