import { randomUUID } from 'node:crypto'
import { basename, join } from 'node:path'
import type { Log } from '@layermesh/interface'
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
  readonly #log: Log
  readonly #folder: string
  /** The oldest first. */
  #files: readonly QuarantinedFile[] = []

  constructor({ disk, log }: { readonly disk: Disk; readonly log: Log }, folder: string) {
    this.#disk = disk
    this.#log = log
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

  /** Removes everything that the disk lets go of; resolves to the bytes that went. */
  empty(): Promise<number> {
    return this.#dropOldest(0)
  }

  /** What the disk refuses to remove stays here, and is tried again with the next. */
  async #dropOldest(keep: number): Promise<number> {
    let droppedBytes = 0
    for (const file of this.#files.slice(0, Math.max(0, this.#files.length - keep))) {
      if (!(await this.#removed(file))) continue
      this.#files = this.#files.filter((other) => other !== file)
      droppedBytes += file.sizeBytes
    }
    return droppedBytes
  }

  async #removed({ path }: QuarantinedFile): Promise<boolean> {
    try {
      await this.#disk.remove(path)
      return true
    } catch (err) {
      this.#log.warn({ path, err }, 'quarantined file not removed')
      return false
    }
  }
}
