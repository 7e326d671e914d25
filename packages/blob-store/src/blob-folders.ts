import { dirname } from 'node:path'
import type { Disk } from './disk.ts'
import { createFolder } from './folders.ts'
import { isSystemError } from './system-error.ts'

/**
 * Brings finished files to where blobs are. The folder of a blob is created with its first one; what is above it has to be
 * synced only then, which is half of what a small blob costs.
 */
export class BlobFolders {
  readonly #disk: Disk
  /** Folders that were created and may not survive a power cut yet. */
  readonly #unsynced = new Set<string>()

  /** Folders that exist by now must survive a power cut already. */
  constructor(disk: Disk) {
    this.#disk = disk
  }

  /** Gives a file its final name, which survives a power cut only after `sync`. */
  async moveIn(path: string, blobPath: string): Promise<void> {
    try {
      await this.#disk.rename(path, blobPath)
    } catch (error) {
      if (!isSystemError(error, 'ENOENT')) throw error
      const folder = dirname(blobPath)
      // Before it is there: whoever finds it has to know.
      this.#unsynced.add(folder)
      await createFolder(this.#disk, folder)
      await this.#disk.rename(path, blobPath)
    }
  }

  /** Makes the name of a file survive a power cut. */
  async sync(blobPath: string): Promise<void> {
    const folder = dirname(blobPath)
    await this.#disk.syncFolder(folder)
    if (!this.#unsynced.has(folder)) return
    await this.#disk.syncFolder(dirname(folder))
    this.#unsynced.delete(folder)
  }
}
