import { dirname } from 'node:path'
import type { Disk } from './disk.ts'
import { isSystemError } from './system-error.ts'

/** Private layers are in them: other users of the machine have no business there. */
const FOLDER_MODE = 0o700

/**
 * Creates a folder and those above it that don't exist. Not by `mkdir({ recursive: true })`, which never returns where
 * the system says ENOENT inside of a folder that exists, as /proc does.
 */
export async function createFolder(disk: Disk, path: string): Promise<void> {
  try {
    await makeFolder(disk, path)
  } catch (error) {
    if (!isSystemError(error, 'ENOENT') || dirname(path) === path) throw error
    await createFolder(disk, dirname(path))
    await makeFolder(disk, path)
  }
}

async function makeFolder(disk: Disk, path: string): Promise<void> {
  try {
    await disk.mkdir(path, FOLDER_MODE)
  } catch (error) {
    if (!isSystemError(error, 'EEXIST') || !(await disk.stat(path)).isDirectory()) throw error
  }
}
