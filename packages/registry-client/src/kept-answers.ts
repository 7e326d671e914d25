import type { Clock, Log, UpstreamAnswer, UpstreamAnswerStore } from '@layermesh/interface'

/** Answers that may wait for the disk; further ones are remembered until a restart only. */
export const MAX_WAITING_ANSWERS = 1000

/** What answers are kept with. */
export interface KeptAnswersDeps {
  readonly clock: Clock
  readonly log: Log
  /** @default nothing survives a restart */
  readonly store?: UpstreamAnswerStore | undefined
}

/** An answer from before the start. */
export interface EarlierAnswer extends Pick<UpstreamAnswer, 'subject' | 'answer'> {
  /** Monotonic time in milliseconds from which on it holds no longer. */
  readonly untilMs: number
}

/** An answer that is to survive a restart. */
export interface NewAnswer extends Pick<UpstreamAnswer, 'upstream' | 'answer'> {
  /** May take a while to find; isn't called when the answer is not to be written. */
  readonly subject: () => string | Promise<string>
  /** For how long it holds, in milliseconds. */
  readonly lifetimeMs: number
}

/** The answers of all upstreams that hold across a restart: given out once after it, and written as they come. */
export class KeptAnswers {
  readonly #deps: KeptAnswersDeps
  readonly #earlier: Map<string, readonly EarlierAnswer[]>
  readonly #writes = new Set<Promise<void>>()

  /** `earlier` is what the store had at the start, in the order in which it was said. */
  constructor(deps: KeptAnswersDeps, earlier: readonly UpstreamAnswer[] = []) {
    this.#deps = deps
    const { clock } = deps
    const [now, monotonicMs] = [clock.now(), clock.monotonicMs()]
    const untilMs = ({ saidAtMs, endsAtMs }: UpstreamAnswer) =>
      // Whatever the clock says: no longer than it was to hold at first.
      monotonicMs + Math.min(endsAtMs - now, endsAtMs - saidAtMs)
    const holding = earlier.map((each) => ({ ...each, untilMs: untilMs(each) }))
    this.#earlier = new Map(Map.groupBy(holding, ({ upstream }) => upstream))
  }

  /** What an upstream has said before the start, in that order; nothing when it is asked for again. */
  takeEarlier(upstream: string): readonly EarlierAnswer[] {
    const answers = this.#earlier.get(upstream) ?? []
    this.#earlier.delete(upstream)
    return answers
  }

  /** Begins to write an answer; nobody waits for that, and what can't be written is forgotten by a restart. */
  keep({ upstream, answer, subject, lifetimeMs }: NewAnswer): void {
    const { clock, log, store } = this.#deps
    if (store === undefined || this.#writes.size >= MAX_WAITING_ANSWERS) return
    const saidAtMs = Math.round(clock.now())
    const put = async () => {
      const endsAtMs = saidAtMs + Math.round(lifetimeMs)
      try {
        await store.put({ upstream, subject: await subject(), answer, saidAtMs, endsAtMs })
      } catch (error) {
        log.debug({ upstream, err: error }, 'upstream answer not kept')
      }
    }
    const write = put().finally(() => this.#writes.delete(write))
    this.#writes.add(write)
  }

  /** Resolves when all that was to be kept is written; never rejects. */
  async whenWritten(): Promise<void> {
    await Promise.all(this.#writes)
  }
}
