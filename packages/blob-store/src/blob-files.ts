import type { FileHandle } from 'node:fs/promises'
import { BlobNotFoundError, type Digest } from '@layermesh/interface'
import { BlobFolders } from './blob-folders.ts'
import type { DataLayout } from './data-layout.ts'
import type { Disk, DiskStat } from './disk.ts'
import type { FaultHook } from './fault-point.ts'
import { isSystemError } from './system-error.ts'

export interface BlobFilesDeps {
  readonly disk: Disk
  readonly layout: DataLayout
  readonly faultHook: FaultHook
}

/** The files of finished blobs by digest, whatever the index says of them. */
export class BlobFiles {
  readonly #deps: BlobFilesDeps
  readonly #folders: BlobFolders

  constructor(deps: BlobFilesDeps) {
    this.#deps = deps
    this.#folders = new BlobFolders(deps.disk)
  }

  pathOf(digest: Digest): string {
    return this.#deps.layout.blobPath(digest)
  }

  /** Undefined when there is no file. */
  async stat(digest: Digest): Promise<DiskStat | undefined> {
    try {
      return await this.#deps.disk.stat(this.pathOf(digest))
    } catch (error) {
      if (isSystemError(error, 'ENOENT')) return undefined
      throw error
    }
  }

  /** Opens a file for reading. Throws ERR_BLOB_NOT_FOUND when there is none. */
  async open(digest: Digest): Promise<FileHandle> {
    try {
      return await this.#deps.disk.open(this.pathOf(digest), 'r')
    } catch (cause) {
      if (isSystemError(cause, 'ENOENT')) throw new BlobNotFoundError(digest, { cause })
      throw cause
    }
  }

  /** Gives a verified, synced file its final name so that it survives a power cut. Where that can't be promised, the file is removed. */
  async moveIn(path: string, digest: Digest): Promise<void> {
    const { disk, faultHook } = this.#deps
    const blobPath = this.pathOf(digest)
    await this.#folders.moveIn(path, blobPath)
    await faultHook('file-renamed')
    try {
      await this.#folders.sync(blobPath)
    } catch (error) {
      await disk.remove(blobPath).catch(() => {})
      throw error
    }
    await faultHook('folder-synced')
  }

  async remove(digest: Digest): Promise<void> {
    await this.#deps.disk.remove(this.pathOf(digest))
  }
}
