import {
  type Clock,
  type Log,
  UPSTREAM_ANSWERS,
  type UpstreamAnswer,
  type UpstreamAnswerStore,
} from '@layermesh/interface'
import type { Level } from 'level'
import { KeyedQueue } from './keyed-queue.ts'
import { isText, isWholeNumber, parseStoredRecord } from './stored-record.ts'
import { StoredRecords } from './stored-records.ts'

/** Answers that are kept, at most; about 2 MB on disk. */
export const MAX_ANSWERS = 5000

/** What is kept of the most when there are more, so that not each further answer begins a search. */
const KEPT_FRACTION = 0.9

export interface LevelAnswerStoreDeps {
  readonly log: Log
  readonly db: Level
  readonly clock: Pick<Clock, 'now'>
}

/**
 * Answers of upstreams in the store's LevelDB, and of each in memory when it ends. When there are too many, those go that end
 * first: a thousand tags that don't exist must not push out that a registry wants to be left alone.
 */
export class LevelAnswerStore implements UpstreamAnswerStore {
  readonly #clock: Pick<Clock, 'now'>
  readonly #records: StoredRecords<UpstreamAnswer>
  readonly #endsAtMs = new Map<string, number>()
  readonly #changes = new KeyedQueue<'answers'>()

  private constructor(deps: LevelAnswerStoreDeps) {
    this.#clock = deps.clock
    this.#records = new StoredRecords(deps, { name: 'answers', parse: parseAnswer })
  }

  /** Reads the answers of an open database; forgets those that hold no longer. */
  static async load(deps: LevelAnswerStoreDeps): Promise<LevelAnswerStore> {
    const store = new LevelAnswerStore(deps)
    const now = deps.clock.now()
    const forgotten: string[] = []
    for await (const [key, answer] of store.#records.entries()) {
      if (answer !== undefined && holds(answer, now)) store.#endsAtMs.set(key, answer.endsAtMs)
      else forgotten.push(key)
    }
    try {
      await store.#records.write(...forgotten.map((key) => store.#records.removing(key)))
    } catch (error) {
      // A disk that is full is no reason not to start: the next one will forget them.
      deps.log.warn({ err: error }, 'old upstream answers not removed')
    }
    return store
  }

  async put({ upstream, subject, answer, saidAtMs, endsAtMs }: UpstreamAnswer): Promise<void> {
    const key = JSON.stringify([upstream, subject])
    await this.#changes.run('answers', async () => {
      this.#endsAtMs.set(key, endsAtMs)
      const surplus = this.#surplus()
      for (const forgotten of surplus) this.#endsAtMs.delete(forgotten)
      await this.#records.write(
        this.#records.putting(key, { answer, saidAtMs, endsAtMs }),
        ...surplus.map((forgotten) => this.#records.removing(forgotten)),
      )
    })
  }

  async list(): Promise<readonly UpstreamAnswer[]> {
    const now = this.#clock.now()
    const answers: UpstreamAnswer[] = []
    for await (const [, answer] of this.#records.entries())
      if (answer !== undefined && holds(answer, now)) answers.push(answer)
    return answers.toSorted((a, b) => a.saidAtMs - b.saidAtMs)
  }

  /** Those that are too many: they end first, or have ended. */
  #surplus(): readonly string[] {
    if (this.#endsAtMs.size <= MAX_ANSWERS) return []
    return [...this.#endsAtMs]
      .toSorted(([, a], [, b]) => b - a)
      .slice(MAX_ANSWERS * KEPT_FRACTION)
      .map(([key]) => key)
  }
}

/**
 * Whether an answer still holds. One that was said in the future was not: a clock that has been set back would renew it at
 * each start, until its time comes at last.
 */
function holds({ saidAtMs, endsAtMs }: UpstreamAnswer, nowMs: number): boolean {
  return saidAtMs <= nowMs && nowMs < endsAtMs
}

function parseAnswer(key: string, fields: Readonly<Record<string, unknown>>): UpstreamAnswer | undefined {
  const { 0: upstream, 1: subject } = parseStoredRecord(key) ?? {}
  const { saidAtMs, endsAtMs } = fields
  const answer = UPSTREAM_ANSWERS.find((each) => each === fields['answer'])
  if (!isText(upstream) || !isText(subject) || answer === undefined) return undefined
  return isWholeNumber(saidAtMs) && isWholeNumber(endsAtMs)
    ? { upstream, subject, answer, saidAtMs, endsAtMs }
    : undefined
}
