import { mkdir, open, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { isSystemError } from './system-error.ts'

/** Private layers are in them: other users of the machine have no business there. */
const FOLDER_MODE = 0o700

/**
 * Creates a folder and those above it that don't exist. Not by `mkdir({ recursive: true })`, which never returns where
 * the system says ENOENT inside of a folder that exists, as /proc does.
 */
export async function createFolder(path: string): Promise<void> {
  try {
    await makeFolder(path)
  } catch (error) {
    if (!isSystemError(error, 'ENOENT') || dirname(path) === path) throw error
    await createFolder(dirname(path))
    await makeFolder(path)
  }
}

/** Makes what was created, renamed or removed in a folder survive a power cut. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: FOLDER_MODE })
  } catch (error) {
    if (!isSystemError(error, 'EEXIST') || !(await stat(path)).isDirectory()) throw error
  }
}
