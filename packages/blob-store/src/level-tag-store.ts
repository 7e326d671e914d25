import type { Log, TagRecord, TagRef, TagStore } from '@layermesh/interface'
import type { Level } from 'level'
import { isWholeNumber, parseStoredDigest, parseStoredRecord } from './stored-record.ts'

/** Tag records in the store's LevelDB. */
export class LevelTagStore implements TagStore {
  readonly #log: Log
  readonly #records

  constructor(deps: { readonly log: Log; readonly db: Level }) {
    this.#log = deps.log
    this.#records = deps.db.sublevel('tags')
  }

  async find(ref: TagRef): Promise<TagRecord | undefined> {
    const text = await this.#records.get(keyOf(ref))
    if (text === undefined) return undefined
    const record = parseTagRecord(text)
    if (record === undefined) this.#log.warn({ ...ref }, 'tag record unreadable')
    return record
  }

  async put(ref: TagRef, record: TagRecord): Promise<void> {
    const { digest, mediaType, sizeBytes, confirmedAtMs } = record
    await this.#records.put(keyOf(ref), JSON.stringify({ digest, mediaType, sizeBytes, confirmedAtMs }))
  }

  async remove(ref: TagRef): Promise<void> {
    await this.#records.del(keyOf(ref))
  }

  async *list(): AsyncGenerator<TagRef & TagRecord, void, undefined> {
    for await (const [key, text] of this.#records.iterator()) {
      const record = parseTagRecord(text)
      const [upstream, repository, tag] = JSON.parse(key) as [string, string, string]
      if (record !== undefined) yield { upstream, repository, tag, ...record }
    }
  }
}

/** JSON, because no separator is safe in it: hosts have colons, repositories have slashes. */
function keyOf({ upstream, repository, tag }: TagRef): string {
  return JSON.stringify([upstream, repository, tag])
}

function parseTagRecord(text: string): TagRecord | undefined {
  const record = parseStoredRecord(text)
  const digest = parseStoredDigest(record?.['digest'])
  const mediaType = record?.['mediaType']
  const sizeBytes = record?.['sizeBytes']
  const confirmedAtMs = record?.['confirmedAtMs']
  if (digest === undefined || typeof mediaType !== 'string') return undefined
  if (!isWholeNumber(sizeBytes) || typeof confirmedAtMs !== 'number') return undefined
  return { digest, mediaType, sizeBytes, confirmedAtMs }
}
