import { rename, rm } from 'node:fs/promises'
import { DataDirError, type Log } from '@layermesh/interface'
import { Level } from 'level'
import { BlobIndex } from './blob-index.ts'
import type { DataLayout } from './data-layout.ts'
import { isSystemError, reasonOf } from './system-error.ts'

/** The open LevelDB, and the blob index that was read from it. */
export interface StorageDatabase {
  readonly db: Level
  readonly index: BlobIndex
}

/**
 * Opens the LevelDB of a data folder; its lock is what keeps a second daemon out. One that can't be read is replaced
 * by an empty one: the files tell which blobs there are, tags are asked for again.
 *
 * Throws ERR_DATA_DIR when another daemon has it open, or when an empty one can't be made either.
 */
export async function openStorageDatabase(layout: DataLayout, log: Log): Promise<StorageDatabase> {
  try {
    return await openAndLoad(layout.index)
  } catch (cause) {
    if (isLocked(cause)) {
      throw new DataDirError(`data folder ${layout.dataDir} is in use by another layermesh daemon`, { cause })
    }
    const opened = await replaceIndex(layout)
    log.warn({ path: layout.index, err: cause }, 'index unreadable, begun anew')
    return opened
  }
}

async function openAndLoad(path: string): Promise<StorageDatabase> {
  const db = new Level(path)
  await db.open()
  try {
    return { db, index: await BlobIndex.load(db) }
  } catch (error) {
    await db.close()
    throw error
  }
}

/** LevelDB says "I/O error" of a full disk and of a missing part alike: so the old index is kept until a new one opens. */
async function replaceIndex(layout: DataLayout): Promise<StorageDatabase> {
  try {
    await rm(layout.brokenIndex, { recursive: true, force: true })
    await rename(layout.index, layout.brokenIndex)
    const opened = await openAndLoad(layout.index).catch(async (error: unknown) => {
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
