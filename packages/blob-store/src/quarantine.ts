import { randomUUID } from 'node:crypto'
import { basename, join } from 'node:path'
import type { Disk } from './disk.ts'
import { createFolder } from './folders.ts'

/** How many bad files are kept to be looked at. */
const MAX_FILES = 8

interface QuarantinedFile {
  readonly path: string
  readonly sizeBytes: number
}

/** Files that were blobs and aren't right any more: kept apart, a few of them, so that a person can find out why. */
export class Quarantine {
  readonly #disk: Disk
  readonly #folder: string
  /** The oldest first. */
  #files: readonly QuarantinedFile[] = []

  constructor(disk: Disk, folder: string) {
    this.#disk = disk
    this.#folder = folder
  }

  /** Finds what an earlier process has put here. */
  async load(): Promise<void> {
    await createFolder(this.#disk, this.#folder)
    const found = await Promise.all(
      (await this.#disk.readdir(this.#folder)).map(async (name) => {
        const path = join(this.#folder, name)
        const { size, mtimeMs } = await this.#disk.stat(path)
        return { path, sizeBytes: size, mtimeMs }
      }),
    )
    this.#files = found.toSorted((a, b) => a.mtimeMs - b.mtimeMs)
    await this.#dropOldest(MAX_FILES)
  }

  /** Bytes of the files here. */
  get bytes(): number {
    return this.#files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  }

  /** Moves a file here; the oldest one goes when there are too many. */
  async take(path: string, sizeBytes: number): Promise<void> {
    const quarantined = join(this.#folder, `${basename(path)}-${randomUUID()}`)
    await this.#disk.rename(path, quarantined)
    this.#files = [...this.#files, { path: quarantined, sizeBytes }]
    await this.#dropOldest(MAX_FILES)
  }

  /** Removes everything; resolves to the bytes that went. */
  async empty(): Promise<number> {
    const { bytes } = this
    await this.#dropOldest(0)
    return bytes
  }

  async #dropOldest(keep: number): Promise<void> {
    const dropped = this.#files.slice(0, Math.max(0, this.#files.length - keep))
    this.#files = this.#files.slice(dropped.length)
    for (const { path } of dropped) await this.#disk.remove(path)
  }
}
