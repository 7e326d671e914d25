import type { ImageRef, Log, Pin, PinStore } from '@layermesh/interface'
import type { Disk } from './disk.ts'
import { KeyedQueue } from './keyed-queue.ts'
import { replaceFile } from './replace-file.ts'
import {
  isFields,
  isText,
  parseStoredDigest,
  parseStoredRecord,
  parseStoredRepository,
} from './stored-record.ts'
import { isSystemError } from './system-error.ts'

/** Pins that there may be, at most. */
export const MAX_PINS = 10_000

export interface FilePinStoreDeps {
  readonly log: Log
  readonly disk: Disk
}

/**
 * Pins in a JSON file, which is written as a whole: they are few, and are changed by hand. Not in the index, because
 * that is begun anew when it can't be read.
 */
export class FilePinStore implements PinStore {
  readonly #disk: Disk
  readonly #path: string
  readonly #changes = new KeyedQueue<'pins'>()
  #pins: ReadonlyMap<string, Pin> = new Map()
  #list: readonly Pin[] = []

  private constructor(disk: Disk, path: string, pins: readonly Pin[]) {
    this.#disk = disk
    this.#path = path
    this.#adopt(new Map(pins.map((pin) => [keyOf(pin), pin])))
  }

  /** Reads the pins of a file; there are none when it doesn't exist. What can't be read of it is kept beside it, as `<path>.broken`. */
  static async load({ log, disk }: FilePinStoreDeps, path: string): Promise<FilePinStore> {
    const text = await readIfThere(disk, path)
    if (text === undefined) return new FilePinStore(disk, path, [])
    const { pins, unreadable } = parsePins(text)
    if (unreadable > 0) {
      // The next change writes the file without them.
      const copy = `${path}.broken`
      await replaceFile(disk, copy, text)
      log.error({ path, copy, unreadable }, 'pins unreadable')
    }
    return new FilePinStore(disk, path, pins)
  }

  async put(pin: Pin): Promise<void> {
    await this.#changes.run('pins', async () => {
      const key = keyOf(pin)
      if (this.#pins.has(key)) return
      if (this.#pins.size >= MAX_PINS) throw new RangeError(`there are ${MAX_PINS} pins, the most allowed`)
      await this.#replace(new Map([...this.#pins, [key, { ...pin }]]))
    })
  }

  remove(ref: ImageRef): Promise<boolean> {
    return this.#changes.run('pins', async () => {
      const pins = new Map(this.#pins)
      const wasThere = pins.delete(keyOf(ref))
      if (wasThere) await this.#replace(pins)
      return wasThere
    })
  }

  list(): readonly Pin[] {
    return this.#list
  }

  /** A change that can't be written doesn't happen. */
  async #replace(pins: ReadonlyMap<string, Pin>): Promise<void> {
    await replaceFile(this.#disk, this.#path, `${JSON.stringify({ pins: [...pins.values()] }, null, 2)}\n`)
    this.#adopt(pins)
  }

  #adopt(pins: ReadonlyMap<string, Pin>): void {
    this.#pins = pins
    this.#list = [...pins].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, pin]) => pin)
  }
}

/** A digest has a colon, a tag can't: one is never taken for the other. */
function keyOf({ upstream, repository, tag, digest }: ImageRef): string {
  return JSON.stringify([upstream, repository, tag ?? digest])
}

async function readIfThere(disk: Disk, path: string): Promise<string | undefined> {
  try {
    const handle = await disk.open(path, 'r')
    try {
      return await handle.readFile('utf8')
    } finally {
      await handle.close()
    }
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return undefined
    throw error
  }
}

/** The pins that a file's text names, and how many parts of it make no sense. */
function parsePins(text: string): { readonly pins: readonly Pin[]; readonly unreadable: number } {
  const entries = parseStoredRecord(text)?.['pins']
  if (!Array.isArray(entries)) return { pins: [], unreadable: 1 }
  const pins = entries.flatMap((entry: unknown) => parsePin(entry) ?? [])
  return { pins, unreadable: entries.length - pins.length }
}

function parsePin(entry: unknown): Pin | undefined {
  if (!isFields(entry)) return undefined
  const repository = parseStoredRepository(entry)
  const { tag, pinnedAtMs } = entry
  if (repository === undefined || typeof pinnedAtMs !== 'number') return undefined
  if (isText(tag)) return { ...repository, tag, pinnedAtMs }
  const digest = parseStoredDigest(entry['digest'])
  return digest && { ...repository, digest, pinnedAtMs }
}
