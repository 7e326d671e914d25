import type { FileHandle } from 'node:fs/promises'
import type { BlobStat, Log } from '@layermesh/interface'
import type { Disk } from './disk.ts'
import type { FaultHook } from './fault-point.ts'
import { encodeJournalHeader, encodeJournalPiece, type JournalPiece } from './fill-journal-format.ts'
import { writeFully } from './write-fully.ts'

export interface FillJournalDeps {
  readonly log: Log
  readonly disk: Disk
  readonly faultHook: FaultHook
}

/** A journal that exists already. */
export interface OpenedJournal {
  readonly handle: FileHandle
  /** Where the next record goes. */
  readonly endBytes: number
  /** Records that it has. */
  readonly pieces: number
}

/**
 * Writes down which pieces of a fill are complete. It is written behind the fill's back, many records at once if need
 * be, and nothing waits for it or syncs it: what it lacks is fetched again, and what it claims is read back and hashed
 * before anybody believes it. When the disk refuses it, it ends there and the fill goes on.
 */
export class FillJournal {
  readonly #deps: FillJournalDeps
  readonly #path: string
  readonly #header: Uint8Array
  #handle: FileHandle | undefined
  #endBytes: number
  #pieces: number
  #pending: Uint8Array[] = []
  /** Set while records are being written. Never rejects. */
  #writing: Promise<void> | undefined
  #isStopped = false

  /** The file is created at `path` with the first record, unless it was `opened`; then it is taken over. */
  constructor(deps: FillJournalDeps, path: string, blob: BlobStat, opened?: OpenedJournal) {
    this.#deps = deps
    this.#path = path
    this.#header = encodeJournalHeader(blob)
    this.#handle = opened?.handle
    this.#endBytes = opened?.endBytes ?? 0
    this.#pieces = opened?.pieces ?? 0
  }

  /** Adds a piece whose bytes are written. */
  append(piece: JournalPiece): void {
    if (this.#isStopped) return
    this.#pending.push(encodeJournalPiece(this.#header, piece))
    this.#writing ??= this.#writePending()
  }

  /** Writes what is still to be written, closes the file, and returns how many records there are. */
  async close(): Promise<number> {
    await this.#writing
    try {
      await this.#handle?.close()
    } catch (error) {
      this.#stop(error)
    }
    return this.#pieces
  }

  /** Closes and removes the file. */
  async discard(): Promise<void> {
    this.#pending = []
    await this.close()
    if (this.#handle === undefined) return
    await this.#deps.disk.remove(this.#path)
    await this.#deps.faultHook('journal-removed')
  }

  async #writePending(): Promise<void> {
    const { disk, faultHook } = this.#deps
    try {
      while (this.#pending.length > 0) {
        const records = this.#pending
        this.#pending = []
        await faultHook('piece-written')
        if (this.#handle === undefined) {
          this.#handle = await disk.open(this.#path, 'wx+', 0o600)
          await faultHook('journal-created')
        }
        const bytes = Buffer.concat(this.#endBytes === 0 ? [this.#header, ...records] : records)
        await writeFully(this.#handle, bytes, this.#endBytes)
        this.#endBytes += bytes.length
        this.#pieces += records.length
        await faultHook('piece-journaled')
      }
    } catch (error) {
      this.#stop(error)
    }
    this.#writing = undefined
  }

  #stop(cause: unknown): void {
    this.#isStopped = true
    this.#pending = []
    this.#deps.log.warn({ path: this.#path, err: cause }, 'fill journal stopped')
  }
}
