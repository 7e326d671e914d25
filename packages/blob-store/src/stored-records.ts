import type { Log } from '@layermesh/interface'
import type { Level } from 'level'
import type { IndexChange } from './index-change.ts'
import { parseStoredRecord } from './stored-record.ts'

/** Records that are changed in one batch, at most, where many are. */
const BATCH_RECORDS = 1000

const COUNTED_AT_ONCE = 1000

/** Unreadable records that are remembered to have been warned of. */
const MAX_WARNED = 1000

export interface StoredRecordsInit<T> {
  /** Sublevel of the store's LevelDB; the log says it as well. */
  readonly name: string
  /** Makes a record of a key and the fields of its JSON; undefined when they make no sense. */
  readonly parse: (key: string, fields: Readonly<Record<string, unknown>>) => T | undefined
}

/** The records of one kind in the store's LevelDB, as JSON. One that can't be read is as good as none, and is warned of once. */
export class StoredRecords<T> {
  readonly #log: Log
  readonly #db: Level
  readonly #name: string
  readonly #parse
  readonly #sublevel
  readonly #warned = new Set<string>()

  constructor({ log, db }: { readonly log: Log; readonly db: Level }, { name, parse }: StoredRecordsInit<T>) {
    this.#log = log
    this.#db = db
    this.#name = name
    this.#parse = parse
    this.#sublevel = db.sublevel(name)
  }

  async find(key: string): Promise<T | undefined> {
    const text = await this.#sublevel.get(key)
    return text === undefined ? undefined : this.#read(key, text)
  }

  /** The records of several keys, in the order of the keys. */
  async findMany(keys: readonly string[]): Promise<readonly (T | undefined)[]> {
    const texts = await this.#sublevel.getMany([...keys])
    return keys.map((key, index) => {
      const text = texts[index]
      return text === undefined ? undefined : this.#read(key, text)
    })
  }

  /** Whether there is anything under each of several keys, be it readable or not. */
  hasMany(keys: readonly string[]): Promise<readonly boolean[]> {
    return this.#sublevel.hasMany([...keys])
  }

  /** How many there are, readable or not. */
  async count(): Promise<number> {
    await using keys = this.#sublevel.keys()
    let count = 0
    for (;;) {
      const { length } = await keys.nextv(COUNTED_AT_ONCE)
      if (length === 0) return count
      count += length
    }
  }

  /** Every record by its key, in the order of the keys; undefined for what can't be read. As of the call, whatever is written meanwhile. */
  async *entries(): AsyncGenerator<readonly [key: string, record: T | undefined], void, undefined> {
    for await (const [key, text] of this.#sublevel.iterator()) yield [key, this.#read(key, text)]
  }

  /** The keys of the records of which `isWanted` holds, in portions that fit into one batch. */
  async *keysWhere(
    isWanted: (key: string, record: T | undefined) => boolean,
  ): AsyncGenerator<readonly string[], void, undefined> {
    let keys: string[] = []
    for await (const [key, record] of this.entries()) {
      if (!isWanted(key, record)) continue
      keys.push(key)
      if (keys.length < BATCH_RECORDS) continue
      yield keys
      keys = []
    }
    if (keys.length > 0) yield keys
  }

  /** The change that stores a record. */
  putting(key: string, fields: Readonly<Record<string, unknown>>): IndexChange {
    return { type: 'put', key, value: JSON.stringify(fields), sublevel: this.#sublevel }
  }

  /** The change that drops a record, if there is one. */
  removing(key: string): IndexChange {
    return { type: 'del', key, sublevel: this.#sublevel }
  }

  /** Makes changes, all or none. */
  write(...changes: readonly IndexChange[]): Promise<void> {
    return this.#db.batch([...changes])
  }

  #read(key: string, text: string): T | undefined {
    const fields = parseStoredRecord(text)
    const record = fields && this.#parse(key, fields)
    if (record === undefined) this.#warn(key)
    return record
  }

  #warn(key: string): void {
    if (this.#warned.has(key)) return
    if (this.#warned.size === MAX_WARNED) this.#warned.clear()
    this.#warned.add(key)
    this.#log.warn({ records: this.#name, key }, 'stored record unreadable')
  }
}
