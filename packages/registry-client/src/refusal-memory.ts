import { type LayermeshError, UpstreamDeniedError, UpstreamNotFoundError } from '@layermesh/interface'
import type { ApiKind } from './upstream-metrics.ts'

/** For how long a manifest, tag or list that upstream doesn't have isn't asked for again, in milliseconds: pulls and policy engines ask again and again. */
export const MANIFEST_MISSING_MS = 10_000
/** For how long a blob that upstream doesn't have isn't asked for again, in milliseconds: it may be on its way there. */
export const BLOB_MISSING_MS = 5_000
/** For how long what upstream denies isn't asked for again with the same login, in milliseconds. */
export const DENIED_MS = 30_000
/** Refusals that are remembered, at most; the oldest go first. */
export const MAX_REFUSALS = 10_000

/** What was asked for, and as whom. */
export interface RefusableRequest {
  readonly kind: ApiKind
  readonly repository: string
  /** A digest or, for a manifest, a tag; `list` for tags. */
  readonly reference: string
  /** What tells logins apart; undefined without one. */
  readonly loginId: string | undefined
}

interface Refusal {
  readonly error: UpstreamNotFoundError | UpstreamDeniedError
  readonly untilMs: number
}

/**
 * What an upstream has said no to, for some seconds. A state machine without I/O; times are monotonic milliseconds.
 */
export class RefusalMemory {
  readonly #refusals = new Map<string, Refusal>()

  /**
   * Takes note of what came of a request: only 401, 403 and 404 are remembered. Returns for how long, in milliseconds;
   * undefined when it isn't.
   */
  note(request: RefusableRequest, error: unknown, nowMs: number): number | undefined {
    if (!(error instanceof UpstreamNotFoundError || error instanceof UpstreamDeniedError)) return undefined
    const lifetimeMs = lifetimeMsOf(error, request.kind)
    this.#remember(request, { error, untilMs: nowMs + lifetimeMs })
    return lifetimeMs
  }

  /** Goes on remembering what was said before the start. */
  restore(request: RefusableRequest, error: Refusal['error'], untilMs: number): void {
    this.#remember(request, { error, untilMs })
  }

  /** The error to throw in place of asking again; undefined when upstream may be asked. */
  find(request: RefusableRequest, nowMs: number): LayermeshError | undefined {
    const name = nameOf(request)
    const refusal = this.#refusals.get(name)
    if (refusal === undefined) return undefined
    if (nowMs < refusal.untilMs) return againOf(refusal.error)
    this.#refusals.delete(name)
    return undefined
  }

  #remember(request: RefusableRequest, refusal: Refusal): void {
    const name = nameOf(request)
    this.#refusals.delete(name)
    this.#refusals.set(name, refusal)
    const [oldest] = this.#refusals.keys()
    if (this.#refusals.size > MAX_REFUSALS && oldest !== undefined) this.#refusals.delete(oldest)
  }
}

function lifetimeMsOf(error: Refusal['error'], kind: ApiKind): number {
  if (error instanceof UpstreamDeniedError) return DENIED_MS
  return kind === 'blob' ? BLOB_MISSING_MS : MANIFEST_MISSING_MS
}

function againOf(error: Refusal['error']): LayermeshError {
  const message = `${error.message} a moment ago`
  const options = { cause: error.cause }
  return error instanceof UpstreamDeniedError
    ? new UpstreamDeniedError(message, options)
    : new UpstreamNotFoundError(message, options)
}

function nameOf({ kind, repository, reference, loginId }: RefusableRequest): string {
  return JSON.stringify([kind, repository, reference, loginId])
}
