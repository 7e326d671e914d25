import type { FileHandle } from 'node:fs/promises'
import {
  FillWriteError,
  LayermeshError,
  pieceBytesFor,
  type BlobStat,
  type Digest,
  type Log,
} from '@layermesh/interface'
import type { BlobIndex } from './blob-index.ts'
import type { BufferPool } from './buffer-pool.ts'
import type { DataLayout } from './data-layout.ts'
import { DiskFill, type DiskFillInit, type UnfinishedFill, type VerifiedFile } from './disk-fill.ts'
import type { Disk } from './disk.ts'
import type { FaultHook } from './fault-point.ts'
import { removeFillFiles } from './fill-files.ts'
import { FillJournal, type OpenedJournal } from './fill-journal.ts'
import { occupiedBytes, type PausedFill, type PausedFills } from './paused-fills.ts'
import { resumeFill, type ResumedFill } from './resume-fill.ts'
import type { Room } from './room.ts'
import { SharedFile } from './shared-file.ts'
import { reasonOf } from './system-error.ts'

/** Collaborators of {@link DiskFills}. */
export interface DiskFillsDeps {
  readonly log: Log
  /** The store's time in milliseconds. */
  readonly nowMs: () => number
  readonly disk: Disk
  readonly pool: BufferPool
  readonly layout: DataLayout
  readonly index: BlobIndex
  readonly room: Room
  /** Unfinished fills, those of earlier processes included. */
  readonly paused: PausedFills
  readonly faultHook: FaultHook
  /** Makes a verified file a blob of the store. */
  readonly publish: (file: VerifiedFile) => Promise<void>
}

/** No file is larger on ext4. A size that a peer claims must not cost memory for the pieces of what can't be. */
const MAX_BLOB_BYTES = 16 * 1024 ** 4

/** How fills begin: with room that is kept for them, and where an earlier one of the same blob has left off. */
export class DiskFills {
  readonly #deps: DiskFillsDeps
  /** How many there are of a blob. */
  readonly #underWay = new Map<Digest, number>()

  constructor(deps: DiskFillsDeps) {
    this.#deps = deps
  }

  /** Whether a fill of a blob has begun and not ended. */
  isUnderWay(digest: Digest): boolean {
    return this.#underWay.has(digest)
  }

  /** See `BlobStore.startFill`. */
  async start(digest: Digest, sizeBytes: number): Promise<DiskFill> {
    const { disk, log, paused, pool, publish, room } = this.#deps
    if (sizeBytes > MAX_BLOB_BYTES) {
      throw new FillWriteError(`${digest} has ${sizeBytes} bytes, more than a file can have`)
    }
    const blob = { digest, sizeBytes, pieceBytes: pieceBytesFor(sizeBytes) }
    // Taken first: so making room doesn't drop what is about to be gone on with.
    const leftover = await paused.take(blob)
    // A file without bytes takes no room: it is made while the file system is asked for what is left.
    const early = leftover === undefined ? this.#begun(blob).catch(() => undefined) : undefined
    const reservation = await room.reserve(sizeBytes).catch(async (error: unknown) => {
      if (leftover !== undefined) await paused.add(leftover)
      await this.#undo(await early)
      throw error instanceof LayermeshError ? error : refused(digest, error)
    })
    this.#count(digest, 1)
    const onEnd = () => {
      this.#count(digest, -1)
      reservation.release()
    }
    try {
      const resumed = leftover && (await this.#resumed(leftover))
      // What the disk has refused before there was room it may do now.
      const init = resumed ?? (await early) ?? (await this.#begun(blob))
      reservation.wrote(writtenBytes(init))
      return new DiskFill(
        {
          ...{ log, disk, pool },
          publish: async (verified) => {
            await publish(verified)
            await paused.drop(digest)
          },
          keep: (fill) => this.#keep(fill),
          onWritten: (bytes) => reservation.wrote(bytes),
          relieve: (bytes) => room.relieve(bytes),
          onEnd,
        },
        init,
      )
    } catch (error) {
      onEnd()
      throw error
    }
  }

  #count(digest: Digest, more: 1 | -1): void {
    const count = (this.#underWay.get(digest) ?? 0) + more
    if (count === 0) this.#underWay.delete(digest)
    else this.#underWay.set(digest, count)
  }

  async #begun(blob: BlobStat): Promise<DiskFillInit> {
    const { disk, faultHook, layout } = this.#deps
    const files = layout.newFillFiles(blob.digest)
    const file = new SharedFile(await createFillFile(disk, files.part, blob.digest))
    await faultHook('fill-created')
    // Nothing of a blob of one piece could be resumed.
    const journal = blob.sizeBytes > blob.pieceBytes ? this.#journalOf(blob, files.journal) : undefined
    return { ...blob, files, file, journal }
  }

  /** Ends what has been begun for nothing. */
  async #undo(init: DiskFillInit | undefined): Promise<void> {
    if (init === undefined) return
    const { disk, log } = this.#deps
    try {
      await init.file.release()
      await removeFillFiles(disk, init.files)
    } catch (err) {
      // The next start looks at it again.
      log.warn({ path: init.files.part, err }, 'fill not cleaned up')
    }
  }

  /** Takes over what is left of an earlier fill; undefined when nothing of it is of use. */
  async #resumed(leftover: PausedFill): Promise<DiskFillInit | undefined> {
    const { faultHook, log, paused } = this.#deps
    const { blob, files } = leftover
    const resumed = await this.#tryToResume(leftover)
    if (resumed === undefined) {
      await paused.discard(leftover)
      return undefined
    }
    await faultHook('fill-resumed')
    const { handle, journal, verified } = resumed
    log.info({ digest: blob.digest, pieces: verified.hashes.size, claimed: journal.pieces }, 'fill resumed')
    const file = new SharedFile(handle)
    return { ...blob, files, file, journal: this.#journalOf(blob, files.journal, journal), verified }
  }

  async #tryToResume(leftover: PausedFill): Promise<ResumedFill | undefined> {
    const { disk, log, pool } = this.#deps
    try {
      return await resumeFill(disk, pool, leftover)
    } catch (error) {
      log.warn({ digest: leftover.digest, err: error }, 'fill not resumed')
      return undefined
    }
  }

  #journalOf(blob: BlobStat, path: string, opened?: OpenedJournal): FillJournal {
    const { log, disk, faultHook } = this.#deps
    return new FillJournal({ log, disk, faultHook }, path, blob, opened)
  }

  async #keep({ blob, files, pieces }: UnfinishedFill): Promise<void> {
    const { disk, faultHook, index, nowMs, paused } = this.#deps
    const { digest } = blob
    const sizeBytes = occupiedBytes(await disk.stat(files.part), blob, pieces)
    await paused.add({ digest, blob, files, pieces, sizeBytes, pausedAtMs: nowMs() })
    // Another fill of the blob may have been quicker.
    if (index.get(digest) !== undefined) await paused.drop(digest)
    await faultHook('fill-paused')
  }
}

function writtenBytes({ pieceBytes, sizeBytes, verified }: DiskFillInit): number {
  return verified === undefined ? 0 : Math.min(verified.hashes.size * pieceBytes, sizeBytes)
}

async function createFillFile(disk: Disk, path: string, digest: Digest): Promise<FileHandle> {
  try {
    return await disk.open(path, 'wx+', 0o600)
  } catch (cause) {
    throw refused(digest, cause)
  }
}

function refused(digest: Digest, cause: unknown): FillWriteError {
  return new FillWriteError(`the disk refused the fill of ${digest}: ${reasonOf(cause)}`, { cause })
}
