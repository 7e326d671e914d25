import { mkdir, readFile, rm, writeFile, type FileHandle } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { systemDisk, type Disk } from '../../src/disk.ts'

/** What a disk has of a file if the power goes now: its bytes as of the last sync, none if there was none. */
interface Inode {
  durable: Buffer
}

type Entry = { readonly kind: 'file'; readonly inode: Inode } | { readonly kind: 'folder' }

/**
 * A disk that forgets what was not synced when its power is cut, as POSIX allows: bytes of a file that were written after
 * the last `sync` or `datasync` of the file, and names that were created, renamed or removed after the last sync of their
 * folder. What of it is forgotten, `random` decides for each name and file. It must be used for all access to `root` from
 * the start; what others have put there is durable.
 */
export class ForgetfulDisk {
  readonly disk: Disk
  readonly #root: string
  readonly #random: () => number
  /** What is in which folder: as programs see it, and as it is on the platters. */
  readonly #live = new Map<string, Entry>()
  readonly #durable = new Map<string, Entry>()
  #isOff = false

  constructor(root: string, random: () => number) {
    this.#root = root
    this.#random = random
    this.disk = {
      ...systemDisk,
      open: async (path, flags, mode) => {
        this.#requirePower()
        if (flags === 'r') return this.#watched(await systemDisk.open(path, flags, mode), undefined)
        await this.#adopt(path)
        // What is synced is read back, also from a file that was opened for writing alone.
        const handle = await systemDisk.open(path, flags === 'w' ? 'w+' : flags, mode)
        const known = this.#live.get(path)
        const inode = known?.kind === 'file' ? known.inode : { durable: Buffer.alloc(0) }
        this.#live.set(path, { kind: 'file', inode })
        return this.#watched(handle, inode)
      },
      rename: async (from, to) => {
        this.#requirePower()
        await this.#adopt(from)
        await this.#adopt(to)
        await systemDisk.rename(from, to)
        const entry = this.#live.get(from)
        this.#live.delete(from)
        if (entry !== undefined) this.#live.set(to, entry)
      },
      remove: async (path) => {
        this.#requirePower()
        await this.#adopt(path)
        await systemDisk.remove(path)
        for (const known of [...this.#live.keys()]) if (isWithin(known, path)) this.#live.delete(known)
      },
      mkdir: async (path, mode) => {
        this.#requirePower()
        await systemDisk.mkdir(path, mode)
        this.#live.set(path, { kind: 'folder' })
      },
      syncFolder: async (path) => {
        this.#requirePower()
        await systemDisk.syncFolder(path)
        this.#syncNames(path, () => true)
      },
      readdir: (path) => this.#ifPowered(() => systemDisk.readdir(path)),
      stat: (path) => this.#ifPowered(() => systemDisk.stat(path)),
    }
  }

  /** Everything fails from now on, as for a process that has been killed; what was written stays. */
  stop(): void {
    this.#isOff = true
  }

  /**
   * Cuts the power: from now on everything fails, and what is on the disk is what was synced and, of the rest, what
   * chance has let get there. Folders in `spared` (by name under the root) are left as they are.
   */
  async cutPower(spared: readonly string[]): Promise<void> {
    this.#isOff = true
    const survives = () => this.#random() < 0.5
    for (const folder of new Set(
      [...this.#live.keys(), ...this.#durable.keys()].map((path) => dirname(path)),
    )) {
      this.#syncNames(folder, survives)
    }
    const contents = new Map<string, Buffer | undefined>()
    for (const [path, entry] of this.#durable) {
      if (this.#isSpared(path, spared) || !this.#isReachable(path)) continue
      contents.set(path, entry.kind === 'folder' ? undefined : await this.#bytesAfterCut(path, entry.inode))
    }
    for (const path of [...this.#live.keys(), ...this.#durable.keys()]) {
      if (!this.#isSpared(path, spared)) await rm(path, { recursive: true, force: true })
    }
    for (const [path, bytes] of [...contents].toSorted(([a], [b]) => a.length - b.length)) {
      if (bytes === undefined) await mkdir(path, { recursive: true })
      else await writeFile(path, bytes)
    }
  }

  /** A file that was here before anybody has touched it is durable, with its name. */
  async #adopt(path: string): Promise<void> {
    if (this.#live.has(path) || this.#durable.has(path)) return
    const durable = await readFile(path).catch(() => undefined)
    if (durable === undefined) return
    const entry: Entry = { kind: 'file', inode: { durable } }
    this.#live.set(path, entry)
    this.#durable.set(path, entry)
  }

  async #ifPowered<T>(work: () => Promise<T>): Promise<T> {
    this.#requirePower()
    return work()
  }

  #watched(handle: FileHandle, inode: Inode | undefined): FileHandle {
    const remember = async () => {
      const { size } = await handle.stat()
      const bytes = Buffer.alloc(size)
      await handle.read(bytes, 0, size, 0)
      if (inode !== undefined) inode.durable = bytes
    }
    return new Proxy(handle, {
      get: (target, property) => {
        const value: unknown = Reflect.get(target, property, target)
        if (typeof value !== 'function') return value
        return async (...args: unknown[]) => {
          if (property !== 'close' && property !== Symbol.asyncDispose) this.#requirePower()
          const result: unknown = await Reflect.apply(value, target, args)
          if (property === 'sync' || property === 'datasync') await remember()
          return result
        }
      },
    })
  }

  /** What a sync of a folder does, of those names of which `reachesDisk` holds. */
  #syncNames(folder: string, reachesDisk: (path: string) => boolean): void {
    const paths = new Set(
      [...this.#live.keys(), ...this.#durable.keys()].filter((path) => dirname(path) === folder),
    )
    for (const path of paths) {
      const entry = this.#live.get(path)
      if (entry === this.#durable.get(path) || !reachesDisk(path)) continue
      if (entry === undefined) this.#durable.delete(path)
      else this.#durable.set(path, entry)
    }
  }

  /** Of bytes that were not synced, all may have got there, or none, or their length alone. */
  async #bytesAfterCut(path: string, inode: Inode): Promise<Buffer> {
    const live = this.#live.get(path)
    const written = live?.kind === 'file' && live.inode === inode ? await readFile(path) : inode.durable
    const chance = this.#random()
    if (chance < 0.4) return inode.durable
    if (chance < 0.7) return written
    const zeroed = Buffer.alloc(written.length)
    inode.durable.copy(zeroed)
    return zeroed
  }

  #isReachable(path: string): boolean {
    const folder = dirname(path)
    return folder === this.#root || !this.#live.has(folder) || this.#durable.has(folder)
  }

  #isSpared(path: string, spared: readonly string[]): boolean {
    return spared.some((name) => isWithin(path, join(this.#root, name)))
  }

  #requirePower(): void {
    if (this.#isOff) throw Object.assign(new Error('EIO: the power is off'), { code: 'EIO' })
  }
}

function isWithin(path: string, folder: string): boolean {
  const below = relative(folder, path)
  return below === '' || !below.startsWith('..')
}
