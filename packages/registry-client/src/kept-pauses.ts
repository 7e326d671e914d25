import type { UpstreamRateLimitedError } from '@layermesh/interface'
import type { EarlierAnswer, KeptAnswers } from './kept-answers.ts'
import { type LimitedWork, nameOfWork, RateLimitPauses } from './rate-limit-pauses.ts'

/** Whose pauses they are. */
export interface KeptPausesInit {
  readonly upstream: string
  /** Base URL, by which the endpoint is known again. */
  readonly endpoint: string
  /** What the upstream has said before the start, of this endpoint and of others. */
  readonly earlier: readonly EarlierAnswer[]
}

/** What an endpoint has said 429 to, across a restart. */
export class KeptPauses {
  readonly #answers: KeptAnswers
  readonly #upstream: string
  readonly #endpoint: string
  readonly #pauses = new RateLimitPauses()

  constructor(answers: KeptAnswers, { upstream, endpoint, earlier }: KeptPausesInit) {
    this.#answers = answers
    this.#upstream = upstream
    this.#endpoint = endpoint
    const prefix = prefixOf(endpoint)
    for (const { subject, answer, untilMs } of earlier) {
      if (answer === 'rate-limited' && subject.startsWith(prefix))
        this.#pauses.restore(subject.slice(prefix.length), untilMs)
    }
  }

  /** Takes note of a 429. */
  note(work: LimitedWork, error: UpstreamRateLimitedError, nowMs: number): void {
    const lifetimeMs = this.#pauses.note(work, error, nowMs)
    const subject = () => prefixOf(this.#endpoint) + nameOfWork(work)
    this.#answers.keep({ upstream: this.#upstream, answer: 'rate-limited', subject, lifetimeMs })
  }

  /** How long it still is until the work may be asked for, in milliseconds; undefined when it may be now. */
  left(work: LimitedWork, nowMs: number): number | undefined {
    return this.#pauses.left(work, nowMs)
  }
}

/** A URL has no spaces: none is the beginning of another with one behind it. */
function prefixOf(endpoint: string): string {
  return `${endpoint} `
}
