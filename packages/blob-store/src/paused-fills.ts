import type { BlobStat, Digest, Log } from '@layermesh/interface'
import type { Disk, DiskStat } from './disk.ts'
import { removeFillFiles, type FillFiles } from './fill-files.ts'

/** An unfinished fill that nobody is working on, and that the next fill of the same blob goes on from. */
export interface PausedFill {
  readonly digest: Digest
  readonly blob: BlobStat
  readonly files: FillFiles
  /** Pieces that the journal has, still to be read back and hashed. */
  readonly pieces: number
  /** What it occupies on disk, in bytes. */
  readonly sizeBytes: number
  /** In store time. */
  readonly pausedAtMs: number
}

/** The unfinished fills of a store that are paused, at most one of a digest. They have no open files. */
export class PausedFills {
  readonly #disk: Disk
  readonly #log: Log
  readonly #fills = new Map<Digest, PausedFill>()

  constructor(deps: { readonly disk: Disk; readonly log: Log }) {
    this.#disk = deps.disk
    this.#log = deps.log
  }

  /** Whether there is one of a blob. */
  has(digest: Digest): boolean {
    return this.#fills.has(digest)
  }

  /** What all of them occupy on disk, in bytes. */
  get bytes(): number {
    return this.#fills.values().reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  }

  list(): IteratorObject<PausedFill> {
    return this.#fills.values()
  }

  /** The paused fill of a digest, which stays paused. */
  find(digest: Digest): PausedFill | undefined {
    return this.#fills.get(digest)
  }

  /** Adds a fill. Of two of the same blob the one with more pieces stays, the other's files are removed. */
  async add(fill: PausedFill): Promise<void> {
    const other = this.#fills.get(fill.digest)
    const [kept, worse] = other !== undefined && other.pieces >= fill.pieces ? [other, fill] : [fill, other]
    this.#fills.set(fill.digest, kept)
    if (worse !== undefined) await this.discard(worse)
  }

  /** Hands over the paused fill of `blob`, once. One of another size was begun upon a lie: it is dropped. */
  async take(blob: BlobStat): Promise<PausedFill | undefined> {
    const fill = this.#fills.get(blob.digest)
    if (fill === undefined) return undefined
    this.#fills.delete(blob.digest)
    if (fill.blob.sizeBytes === blob.sizeBytes && fill.blob.pieceBytes === blob.pieceBytes) return fill
    await this.discard(fill)
    return undefined
  }

  /** Removes a paused fill with its files; does nothing when there is none. */
  async drop(digest: Digest): Promise<void> {
    const fill = this.#fills.get(digest)
    this.#fills.delete(digest)
    if (fill !== undefined) await this.discard(fill)
  }

  /** Removes the files of a fill that nobody can take any more. Never rejects. */
  async discard({ digest, files }: PausedFill): Promise<void> {
    try {
      await removeFillFiles(this.#disk, files)
    } catch (error) {
      // Nobody reads it any more, and the next start looks at it again.
      this.#log.warn({ digest, path: files.part, err: error }, 'fill not cleaned up')
    }
  }
}

/**
 * What the data file of a paused fill occupies, in bytes. Some file systems count blocks only some seconds after they
 * were written, and compressing ones count fewer than a copy elsewhere needs: it is never less than the complete pieces.
 */
export function occupiedBytes(part: DiskStat, blob: BlobStat, pieces: number): number {
  return Math.max(part.blocks * 512, Math.min(pieces * blob.pieceBytes, blob.sizeBytes))
}
