import { mkdir, open, readdir, rename, rm, stat, statfs, unlink, type FileHandle } from 'node:fs/promises'

/** What is known of a file or folder. */
export interface DiskStat {
  readonly size: number
  /** When its content was last changed, Unix time in milliseconds with a fraction. */
  readonly mtimeMs: number
  /** What it occupies, in blocks of 512 bytes; a sparse file has fewer than its size. */
  readonly blocks: number
  isDirectory(): boolean
}

/** The file system, as far as the store uses it. Injected, so that tests can have disks that fail, fill up or lose what was not synced. */
export interface Disk {
  /** As `open` of `node:fs/promises`. */
  open(path: string, flags: string, mode?: number): Promise<FileHandle>
  rename(from: string, to: string): Promise<void>
  /** Removes a file or a folder with all that is in it; does nothing when there is none. */
  remove(path: string): Promise<void>
  readdir(path: string): Promise<string[]>
  stat(path: string): Promise<DiskStat>
  mkdir(path: string, mode: number): Promise<void>
  /** Makes what was created, renamed or removed in a folder survive a power cut. */
  syncFolder(path: string): Promise<void>
  /** Bytes that may still be written to the file system of `path`, without those reserved for root. */
  freeBytes(path: string): Promise<number>
}

/** The machine's own file system. */
export const systemDisk: Disk = {
  open,
  rename,
  async remove(path) {
    try {
      // Nearly always a file; `rm` would look at it before.
      await unlink(path)
    } catch {
      await rm(path, { recursive: true, force: true })
    }
  },
  readdir: (path) => readdir(path),
  stat,
  async mkdir(path, mode) {
    await mkdir(path, { mode })
  },
  async syncFolder(path) {
    const folder = await open(path, 'r')
    try {
      await folder.sync()
    } finally {
      await folder.close()
    }
  },
  async freeBytes(path) {
    const { bavail, bsize } = await statfs(path)
    return bavail * bsize
  },
}
