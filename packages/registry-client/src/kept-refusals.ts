import { type LayermeshError, UpstreamDeniedError, UpstreamNotFoundError } from '@layermesh/interface'
import type { EarlierAnswer, KeptAnswers } from './kept-answers.ts'
import { type LoginMarks, saltOf } from './login-marks.ts'
import { type RefusableRequest, RefusalMemory } from './refusal-memory.ts'
import type { ApiKind } from './upstream-metrics.ts'

/** What refusals are kept with. */
export interface KeptRefusalsDeps {
  readonly answers: KeptAnswers
  readonly marks: LoginMarks
}

interface EarlierRefusal {
  readonly request: RefusableRequest
  readonly answer: EarlierAnswer['answer']
  readonly untilMs: number
}

/**
 * What an upstream has said no to, across a restart. What was said to a login waits until that login comes again, and is told to
 * no other: on disk there is a mark of it alone.
 */
export class KeptRefusals {
  readonly #deps: KeptRefusalsDeps
  readonly #upstream: string
  readonly #memory = new RefusalMemory()
  /** What was said to logins before the start, by their marks. */
  readonly #unclaimed = new Map<string, EarlierRefusal[]>()

  constructor(deps: KeptRefusalsDeps, upstream: string, earlier: readonly EarlierAnswer[]) {
    this.#deps = deps
    this.#upstream = upstream
    for (const { subject, answer, untilMs } of earlier) {
      const request = parseRefusalSubject(subject)
      if (request === undefined || answer === 'rate-limited') continue
      const refusal = { request, answer, untilMs }
      if (request.loginId === undefined) this.#restore(refusal)
      else this.#unclaimed.set(request.loginId, [...(this.#unclaimed.get(request.loginId) ?? []), refusal])
    }
  }

  /** The error to throw in place of asking again; undefined when upstream may be asked. */
  async find(request: RefusableRequest, nowMs: number): Promise<LayermeshError | undefined> {
    if (request.loginId !== undefined) await this.#claim(request.loginId, nowMs)
    return this.#memory.find(request, nowMs)
  }

  /** Takes note of what came of a request: only 401, 403 and 404 are remembered. */
  note(request: RefusableRequest, error: unknown, nowMs: number): void {
    const lifetimeMs = this.#memory.note(request, error, nowMs)
    if (lifetimeMs === undefined) return
    const { loginId } = request
    this.#deps.answers.keep({
      upstream: this.#upstream,
      answer: error instanceof UpstreamDeniedError ? 'denied' : 'missing',
      subject: async () => {
        const mark = loginId === undefined ? undefined : await this.#deps.marks.of(loginId)
        return refusalSubject({ ...request, loginId: mark })
      },
      lifetimeMs,
    })
  }

  async #claim(loginId: string, nowMs: number): Promise<void> {
    for (const [mark, refusals] of this.#unclaimed)
      if (refusals.every(({ untilMs }) => untilMs <= nowMs)) this.#unclaimed.delete(mark)
    const salts = new Set(this.#unclaimed.keys().map(saltOf))
    for (const salt of salts) {
      const mark = await this.#deps.marks.of(loginId, salt)
      for (const refusal of this.#unclaimed.get(mark) ?? [])
        this.#restore({ ...refusal, request: { ...refusal.request, loginId } })
      this.#unclaimed.delete(mark)
    }
  }

  #restore({ request, answer, untilMs }: EarlierRefusal): void {
    const { kind, repository, reference } = request
    const said = `${this.#upstream}: ${kind} ${reference} of ${repository} was ${answer}`
    const error = answer === 'denied' ? new UpstreamDeniedError(said) : new UpstreamNotFoundError(said)
    this.#memory.restore(request, error, untilMs)
  }
}

/** Names what was asked for, and by the mark of a login as whom. */
function refusalSubject({ kind, repository, reference, loginId }: RefusableRequest): string {
  return JSON.stringify([kind, repository, reference, ...(loginId === undefined ? [] : [loginId])])
}

/** Reads what {@link refusalSubject} has written; undefined for anything else. */
function parseRefusalSubject(subject: string): RefusableRequest | undefined {
  const [kind, repository, reference, loginId] = parseTexts(subject)
  if (kind === undefined || repository === undefined || reference === undefined) return undefined
  return { kind: kind as ApiKind, repository, reference, loginId }
}

function parseTexts(text: string): readonly string[] {
  try {
    const value: unknown = JSON.parse(text)
    return Array.isArray(value) && value.every((each) => typeof each === 'string') ? value : []
  } catch {
    return []
  }
}
