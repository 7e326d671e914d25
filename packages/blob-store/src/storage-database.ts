import { rename, rm } from 'node:fs/promises'
import { DataDirError, type Clock, type Log } from '@layermesh/interface'
import { Level } from 'level'
import { BlobIndex } from './blob-index.ts'
import type { DataLayout } from './data-layout.ts'
import type { FaultHook } from './fault-point.ts'
import { LevelAnswerStore } from './level-answer-store.ts'
import { LevelLinkStore } from './level-link-store.ts'
import { LevelPeerStore } from './level-peer-store.ts'
import { LevelTagStore } from './level-tag-store.ts'
import { migrateIndex } from './migrate-index.ts'
import { MIGRATIONS, type Migration } from './migrations.ts'
import { isSystemError, reasonOf } from './system-error.ts'

export interface StorageDatabaseDeps {
  readonly log: Log
  readonly clock: Clock
  /** The store's time in milliseconds. */
  readonly nowMs: () => number
  readonly faultHook: FaultHook
}

/** The open LevelDB, and what was read from it. */
export interface StorageDatabase {
  readonly db: Level
  readonly index: BlobIndex
  readonly tags: LevelTagStore
  readonly links: LevelLinkStore
  readonly peers: LevelPeerStore
  readonly answers: LevelAnswerStore
}

/**
 * Opens the LevelDB of a data folder; its lock is what keeps a second daemon out. One of an older schema is migrated. One
 * that can't be read is replaced by an empty one: the files tell which blobs there are, tags are asked for again.
 *
 * Throws ERR_DATA_DIR when another daemon has it open, when it is of a newer schema, or when an empty one can't be made
 * either.
 */
export async function openStorageDatabase(
  deps: StorageDatabaseDeps,
  layout: DataLayout,
  migrations = MIGRATIONS,
): Promise<StorageDatabase> {
  const open = () => openAndLoad(deps, layout.index, migrations)
  try {
    return await open()
  } catch (cause) {
    if (cause instanceof DataDirError) throw cause
    if (isLocked(cause)) {
      throw new DataDirError(`data folder ${layout.dataDir} is in use by another layermesh daemon`, { cause })
    }
    const opened = await replaceIndex(layout, open)
    deps.log.warn({ path: layout.index, err: cause }, 'index unreadable, begun anew')
    return opened
  }
}

async function openAndLoad(
  { log, clock, nowMs, faultHook }: StorageDatabaseDeps,
  path: string,
  migrations: readonly Migration[],
): Promise<StorageDatabase> {
  const db = new Level(path)
  await db.open()
  try {
    await migrateIndex({ log, db, faultHook }, migrations)
    return {
      db,
      index: await BlobIndex.load(db, nowMs()),
      tags: await LevelTagStore.load({ log, db }),
      links: new LevelLinkStore({ log, db }),
      peers: await LevelPeerStore.load({ log, db, clock }),
      answers: await LevelAnswerStore.load({ log, db, clock }),
    }
  } catch (error) {
    await db.close()
    throw error
  }
}

/** LevelDB says "I/O error" of a full disk and of a missing part alike: so the old index is kept until a new one opens. */
async function replaceIndex(
  layout: DataLayout,
  open: () => Promise<StorageDatabase>,
): Promise<StorageDatabase> {
  try {
    await rm(layout.brokenIndex, { recursive: true, force: true })
    await rename(layout.index, layout.brokenIndex)
    const opened = await open().catch(async (error: unknown) => {
      await rm(layout.index, { recursive: true, force: true })
      await rename(layout.brokenIndex, layout.index)
      throw error
    })
    await rm(layout.brokenIndex, { recursive: true, force: true })
    return opened
  } catch (cause) {
    throw new DataDirError(`data folder ${layout.dataDir} can't be used: ${reasonOf(cause)}`, { cause })
  }
}

function isLocked(error: unknown): boolean {
  return isSystemError(error, 'LEVEL_LOCKED') || (error instanceof Error && isLocked(error.cause))
}
