import type { BlobStat, Digest, HoldingsSummary, PieceTable } from '@layermesh/interface'
import type { Level } from 'level'
import type { IndexChange } from './index-change.ts'
import { PieceGrid } from './piece-grid.ts'
import { isWholeNumber, parseStoredDigest, parseStoredRecord } from './stored-record.ts'

const PIECE_HASH_BYTES = 32

/**
 * What we know about finished blobs, so that nobody has to look at all files. The facts are held in memory as well:
 * reading them is synchronous, and what a caller sees between two awaits is consistent. Piece tables are on disk only.
 *
 * Changes of one digest must not overlap; the blob store queues them.
 */
export class BlobIndex {
  readonly #db: Level
  readonly #facts
  readonly #tables
  readonly #stats = new Map<Digest, BlobStat>()
  #bytes = 0

  private constructor(db: Level) {
    this.#db = db
    this.#facts = db.sublevel('blobs')
    this.#tables = db.sublevel<string, Uint8Array>('pieces', { valueEncoding: 'view' })
  }

  /** Reads the index of an open database. Entries that make no sense are left out: their files will be found again. */
  static async load(db: Level): Promise<BlobIndex> {
    const index = new BlobIndex(db)
    for await (const [key, value] of index.#facts.iterator()) {
      const stat = parseStat(key, value)
      if (stat !== undefined) index.#remember(stat)
    }
    return index
  }

  /** How many blobs there are, and how many bytes they have in all. */
  get totals(): HoldingsSummary {
    return { blobs: this.#stats.size, bytes: this.#bytes }
  }

  get(digest: Digest): BlobStat | undefined {
    return this.#stats.get(digest)
  }

  digests(): IteratorObject<Digest> {
    return this.#stats.keys()
  }

  stats(): IteratorObject<BlobStat> {
    return this.#stats.values()
  }

  /** Adds a blob or replaces what is known of it, in one step with its piece hashes if they are known. */
  async add(stat: BlobStat, pieceHashes?: readonly Uint8Array[]): Promise<void> {
    const { digest, sizeBytes, pieceBytes } = stat
    const batch = this.#db.batch()
    batch.put(digest, JSON.stringify({ sizeBytes, pieceBytes }), { sublevel: this.#facts })
    if (pieceHashes === undefined) batch.del(digest, { sublevel: this.#tables })
    else batch.put(digest, Buffer.concat(pieceHashes), { sublevel: this.#tables })
    await batch.write()
    this.#remember(stat)
  }

  /** Forgets a blob and its piece table, in one step with what else is known of it. */
  async remove(digest: Digest, alongside: readonly IndexChange[] = []): Promise<void> {
    const stat = this.#stats.get(digest)
    if (stat !== undefined) this.#bytes -= stat.sizeBytes
    this.#stats.delete(digest)
    await this.#db.batch([
      { type: 'del', key: digest, sublevel: this.#facts },
      { type: 'del', key: digest, sublevel: this.#tables },
      ...alongside,
    ])
  }

  /** The piece table that was stored with a blob, or undefined when there is none that fits the blob. */
  async pieceTable(stat: BlobStat): Promise<PieceTable | undefined> {
    const { count } = new PieceGrid(stat.sizeBytes, stat.pieceBytes)
    const stored = await this.#tables.get(stat.digest)
    if (stored?.length !== count * PIECE_HASH_BYTES) return undefined
    // LevelDB gives a Buffer, whose slices would not be copies for those who get the hashes.
    const bytes = new Uint8Array(stored)
    const hashes = Array.from({ length: count }, (_, piece) =>
      bytes.subarray(piece * PIECE_HASH_BYTES, (piece + 1) * PIECE_HASH_BYTES),
    )
    return { pieceBytes: stat.pieceBytes, hashes }
  }

  #remember(stat: BlobStat): void {
    this.#bytes += stat.sizeBytes - (this.#stats.get(stat.digest)?.sizeBytes ?? 0)
    this.#stats.set(stat.digest, stat)
  }
}

function parseStat(key: string, value: string): BlobStat | undefined {
  const record = parseStoredRecord(value)
  const digest = parseStoredDigest(key)
  const sizeBytes = record?.['sizeBytes']
  const pieceBytes = record?.['pieceBytes']
  if (digest === undefined || !isWholeNumber(sizeBytes)) return undefined
  if (!isWholeNumber(pieceBytes) || pieceBytes === 0) return undefined
  return { digest, sizeBytes, pieceBytes }
}
