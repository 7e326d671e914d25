import { DataDirError, type Log } from '@layermesh/interface'
import type { Level } from 'level'
import type { FaultHook } from './fault-point.ts'
import type { IndexChange } from './index-change.ts'
import type { Migration } from './migrations.ts'

/** The schema of an index that doesn't say which it has: it was written before there were numbers. */
const UNNUMBERED_SCHEMA = 1

const SCHEMA_KEY = 'schema'

export interface MigrateIndexDeps {
  readonly log: Log
  readonly db: Level
  readonly faultHook: FaultHook
}

/**
 * Brings an open index to the newest schema: the one that the last of `migrations` leads to. An empty index is given
 * its number and nothing else.
 *
 * Throws ERR_DATA_DIR when its schema is newer than that, and any other error when it can't be read or written.
 */
export async function migrateIndex(
  { log, db, faultHook }: MigrateIndexDeps,
  migrations: readonly Migration[],
): Promise<void> {
  const newest = UNNUMBERED_SCHEMA + migrations.length
  const found = await schemaOf(db)
  if (found === undefined) return write(db, [numbering(db, newest)])
  if (found > newest) {
    throw new DataDirError(
      `the index ${db.location} has schema ${found}, this layermesh knows those up to ${newest}: ` +
        'a newer one was here; use that version or another data folder',
    )
  }
  for (const [step, migration] of migrations.slice(found - UNNUMBERED_SCHEMA).entries()) {
    const schema = found + step + 1
    let due: readonly IndexChange[] = []
    for await (const changes of migration.changes(db)) {
      if (due.length > 0) {
        await write(db, due)
        await faultHook('migration-batch-written')
      }
      due = changes
    }
    await write(db, [...due, numbering(db, schema)])
    await faultHook('migration-step-written')
    log.info({ path: db.location, schema }, 'index migrated')
  }
}

/** The schema of an index; undefined when there is nothing in it. */
async function schemaOf(db: Level): Promise<number | undefined> {
  const stored = await metaOf(db).get(SCHEMA_KEY)
  if (stored === undefined) {
    const [anyKey] = await db.keys({ limit: 1 }).all()
    return anyKey === undefined ? undefined : UNNUMBERED_SCHEMA
  }
  const schema = Number(stored)
  if (!Number.isSafeInteger(schema) || schema < UNNUMBERED_SCHEMA) {
    throw new Error(`${JSON.stringify(stored)} is no number of a schema`)
  }
  return schema
}

function numbering(db: Level, schema: number): IndexChange {
  return { type: 'put', key: SCHEMA_KEY, value: String(schema), sublevel: metaOf(db) }
}

function metaOf(db: Level) {
  return db.sublevel('meta')
}

/** Written through: what comes after it takes it for granted. */
async function write(db: Level, changes: readonly IndexChange[]): Promise<void> {
  await db.batch([...changes], { sync: true })
}
