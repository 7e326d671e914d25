import type { Log, TagRecord, TagRef, TagStore } from '@layermesh/interface'
import type { Level } from 'level'
import { KeyedQueue } from './keyed-queue.ts'
import { isWholeNumber, parseStoredAccess, parseStoredDigest, parseStoredRecord } from './stored-record.ts'
import { StoredRecords } from './stored-records.ts'

/** Tag records that are kept, at most; about 50 MB on disk. */
const DEFAULT_MAX_TAGS = 100_000

/** What is kept of the most when there are more, so that not each further tag begins a search for the oldest. */
const KEPT_FRACTION = 0.9

export interface LevelTagStoreDeps {
  readonly log: Log
  readonly db: Level
}

interface Stored {
  readonly ref: TagRef
  readonly record: TagRecord
}

/** Says something of a record; undefined is one that can't be read. */
type Condition = (stored: Stored | undefined) => boolean

/** Tag records in the store's LevelDB. When there are too many, those go that upstream confirmed the longest ago. */
export class LevelTagStore implements TagStore {
  readonly #log: Log
  readonly #records: StoredRecords<Stored>
  readonly #maxTags: number
  readonly #changes = new KeyedQueue<'tags'>()
  #pruning: Promise<void> | undefined
  #count = 0

  private constructor(deps: LevelTagStoreDeps, maxTags: number) {
    this.#log = deps.log
    this.#records = new StoredRecords(deps, { name: 'tags', parse: parseTag })
    this.#maxTags = maxTags
  }

  /** Counts the records of an open database. */
  static async load(deps: LevelTagStoreDeps, maxTags = DEFAULT_MAX_TAGS): Promise<LevelTagStore> {
    const store = new LevelTagStore(deps, maxTags)
    store.#count = await store.#records.count()
    return store
  }

  async find(ref: TagRef): Promise<TagRecord | undefined> {
    return (await this.#records.find(keyOf(ref)))?.record
  }

  async put(ref: TagRef, record: TagRecord): Promise<void> {
    const { digest, mediaType, sizeBytes, confirmedAtMs, access } = record
    const fields = {
      ...{ digest, mediaType, sizeBytes, confirmedAtMs },
      ...(access === 'login' && { access }),
    }
    const key = keyOf(ref)
    await this.#changes.run('tags', async () => {
      const [isThere] = await this.#records.hasMany([key])
      await this.#records.write(this.#records.putting(key, fields))
      if (!isThere) this.#count++
    })
    // Nobody has to wait for that.
    if (this.#count > this.#maxTags) this.#pruning ??= this.#prune()
  }

  async remove(ref: TagRef): Promise<void> {
    await this.#removeIf([keyOf(ref)], () => true)
  }

  async *list(): AsyncGenerator<TagRef & TagRecord, void, undefined> {
    for await (const [, stored] of this.#records.entries()) {
      if (stored !== undefined) yield { ...stored.ref, ...stored.record }
    }
  }

  /** Drops the records that upstream hasn't confirmed since `timeMs`, Unix time; returns how many. */
  removeConfirmedBefore(timeMs: number): Promise<number> {
    return this.#removeWhere((stored) => confirmedAtMsOf(stored) < timeMs)
  }

  /** Resolves when no records are being removed because they are too many; never rejects. */
  async whenPruned(): Promise<void> {
    await this.#pruning
  }

  async #prune(): Promise<void> {
    try {
      // More may have come while the oldest were looked for.
      while (this.#count > this.#maxTags) await this.#removeOldest()
    } catch (error) {
      this.#log.warn({ err: error }, 'old tag records not removed')
    } finally {
      this.#pruning = undefined
    }
  }

  async #removeOldest(): Promise<void> {
    const timesMs: number[] = []
    for await (const [, stored] of this.#records.entries()) timesMs.push(confirmedAtMsOf(stored))
    const surplus = timesMs.length - Math.floor(this.#maxTags * KEPT_FRACTION)
    const untilMs = timesMs.toSorted((a, b) => a - b)[surplus - 1] ?? -Infinity
    await this.#removeWhere((stored) => confirmedAtMsOf(stored) <= untilMs, surplus)
  }

  async #removeWhere(isUnwanted: Condition, limit = Infinity): Promise<number> {
    let removed = 0
    for await (const keys of this.#records.keysWhere((_, stored) => isUnwanted(stored))) {
      removed += await this.#removeIf(keys.slice(0, limit - removed), isUnwanted)
      if (removed >= limit) break
    }
    return removed
  }

  /** Drops records in one batch, without those that are no longer unwanted by then; returns how many. */
  #removeIf(keys: readonly string[], isUnwanted: Condition): Promise<number> {
    return this.#changes.run('tags', async () => {
      const [isThere, stored] = await Promise.all([this.#records.hasMany(keys), this.#records.findMany(keys)])
      const unwanted = keys.filter((_, index) => isThere[index] && isUnwanted(stored[index]))
      await this.#records.write(...unwanted.map((key) => this.#records.removing(key)))
      this.#count -= unwanted.length
      return unwanted.length
    })
  }
}

/** JSON, because no separator is safe in it: hosts have colons, repositories have slashes. */
function keyOf({ upstream, repository, tag }: TagRef): string {
  return JSON.stringify([upstream, repository, tag])
}

/** What can't be read goes first. */
function confirmedAtMsOf(stored: Stored | undefined): number {
  return stored?.record.confirmedAtMs ?? -Infinity
}

function parseTag(key: string, fields: Readonly<Record<string, unknown>>): Stored | undefined {
  const ref = parseKey(key)
  const digest = parseStoredDigest(fields['digest'])
  const { mediaType, sizeBytes, confirmedAtMs } = fields
  if (ref === undefined || digest === undefined || typeof mediaType !== 'string') return undefined
  if (!isWholeNumber(sizeBytes) || typeof confirmedAtMs !== 'number') return undefined
  return { ref, record: { digest, mediaType, sizeBytes, confirmedAtMs, ...parseStoredAccess(fields) } }
}

function parseKey(key: string): TagRef | undefined {
  const { 0: upstream, 1: repository, 2: tag } = parseStoredRecord(key) ?? {}
  if (typeof upstream !== 'string' || typeof repository !== 'string' || typeof tag !== 'string') {
    return undefined
  }
  return { upstream, repository, tag }
}
