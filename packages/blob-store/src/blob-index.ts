import type { BlobStat, Digest, HoldingsSummary, PieceTable } from '@layermesh/interface'
import type { Level } from 'level'
import type { BlobEntry } from './blob-entry.ts'
import type { IndexChange } from './index-change.ts'
import { ImageGraph } from './image-graph.ts'
import { PieceGrid } from './piece-grid.ts'
import { isWholeNumber, parseStoredDigest, parseStoredRecord } from './stored-record.ts'
import { parseStoredManifest, storedManifestRecord, type StoredManifest } from './stored-manifest.ts'
import { firstUsage, parseUsage, type Usage } from './usage.ts'

const PIECE_HASH_BYTES = 32

/** How many records are read or written at once. */
const BATCH_RECORDS = 1000

/** A blob that is verified and on disk, to be indexed. */
export interface NewBlob {
  readonly stat: BlobStat
  readonly usage: Usage
  /** When its bytes were found right, in store time. */
  readonly verifiedAtMs: number
  readonly pieceHashes: readonly Uint8Array[]
  /** Given when the blob is a manifest. */
  readonly manifest: StoredManifest | undefined
}

/**
 * What we know about finished blobs, so that nobody has to look at all files. Everything but the piece tables is held
 * in memory as well: reading it is synchronous, and what a caller sees between two awaits is consistent.
 *
 * Changes of one digest must not overlap; the blob store queues them.
 */
export class BlobIndex {
  /** Which of the blobs are manifests, and what they need. */
  readonly graph = new ImageGraph()
  readonly #db: Level
  readonly #facts
  readonly #tables
  readonly #manifests
  readonly #entries = new Map<Digest, BlobEntry>()
  /** Whose use has changed since it was written. */
  readonly #used = new Set<BlobEntry>()
  #bytes = 0

  private constructor(db: Level) {
    this.#db = db
    this.#facts = db.sublevel('blobs')
    this.#tables = db.sublevel<string, Uint8Array>('pieces', { valueEncoding: 'view' })
    this.#manifests = db.sublevel('manifests')
  }

  /**
   * Reads the index of an open database. Entries that make no sense are left out: their files will be found again.
   * `nowMs` is the store's time, after which nothing can have happened: the clock may have been set back.
   */
  static async load(db: Level, nowMs: number): Promise<BlobIndex> {
    const index = new BlobIndex(db)
    for await (const records of batchesOf(index.#facts)) {
      for (const [key, value] of records) {
        const entry = parseEntry(key, value, nowMs)
        if (entry !== undefined) index.#remember(entry)
      }
    }
    for await (const records of batchesOf(index.#manifests)) {
      for (const [key, value] of records) {
        const digest = parseStoredDigest(key)
        const manifest = parseStoredManifest(value)
        if (digest !== undefined && manifest !== undefined && index.#entries.has(digest)) {
          index.graph.add(digest, manifest)
        }
      }
    }
    return index
  }

  /** How many blobs there are, and how many bytes they have in all. */
  get totals(): HoldingsSummary {
    return { blobs: this.#entries.size, bytes: this.#bytes }
  }

  get(digest: Digest): BlobEntry | undefined {
    return this.#entries.get(digest)
  }

  digests(): IteratorObject<Digest> {
    return this.#entries.keys()
  }

  entries(): IteratorObject<BlobEntry> {
    return this.#entries.values()
  }

  /** Adds a blob that isn't held yet, in one step with its piece hashes and what it needs. */
  async add({ stat, usage, verifiedAtMs, pieceHashes, manifest }: NewBlob): Promise<BlobEntry> {
    const { digest } = stat
    const entry: BlobEntry = { stat, usage, verifiedAtMs, readers: 0, checked: undefined }
    // Held as soon as its file is there, whether the record of it can be written or not.
    this.#remember(entry)
    if (manifest !== undefined) this.graph.add(digest, manifest)
    await this.#write(entry, pieceHashes, manifest)
    return entry
  }

  /** Notes that a blob that is held was verified, and what came out of it. */
  async verified(
    entry: BlobEntry,
    { verifiedAtMs, pieceHashes, manifest }: Omit<NewBlob, 'stat' | 'usage'>,
  ): Promise<void> {
    entry.verifiedAtMs = verifiedAtMs
    if (manifest !== undefined) this.graph.add(entry.stat.digest, manifest)
    await this.#write(entry, pieceHashes, manifest)
  }

  /** Notes a use in memory; `flush` writes it. */
  used(entry: BlobEntry, usage: Usage): void {
    if (usage === entry.usage) return
    entry.usage = usage
    this.#used.add(entry)
  }

  /** Writes what `used` has noted; what can't be written is noted still. */
  async flush(): Promise<void> {
    const noted = [...this.#used]
    this.#used.clear()
    for (let start = 0; start < noted.length; start += BATCH_RECORDS) {
      // Some may have gone while others were written.
      const entries = noted.slice(start, start + BATCH_RECORDS).filter((entry) => this.#isHeld(entry))
      try {
        await this.#facts.batch(
          entries.map((entry) => ({ type: 'put', key: entry.stat.digest, value: recordOf(entry) })),
        )
      } catch (error) {
        for (const entry of noted.slice(start)) this.#used.add(entry)
        throw error
      }
    }
  }

  /** Forgets a blob and all that is known of it, in one step with `alongside`. */
  async remove(digest: Digest, alongside: readonly IndexChange[] = []): Promise<void> {
    const entry = this.#entries.get(digest)
    if (entry !== undefined) {
      this.#bytes -= entry.stat.sizeBytes
      this.#used.delete(entry)
    }
    this.#entries.delete(digest)
    this.graph.remove(digest)
    await this.#db.batch([
      { type: 'del', key: digest, sublevel: this.#facts },
      { type: 'del', key: digest, sublevel: this.#tables },
      { type: 'del', key: digest, sublevel: this.#manifests },
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

  /** Writes all that is known of a blob, in one step. */
  async #write(
    entry: BlobEntry,
    pieceHashes: readonly Uint8Array[],
    manifest: StoredManifest | undefined,
  ): Promise<void> {
    const { digest } = entry.stat
    const batch = this.#db
      .batch()
      .put(digest, recordOf(entry), { sublevel: this.#facts })
      .put(digest, Buffer.concat(pieceHashes), { sublevel: this.#tables })
    if (manifest === undefined) batch.del(digest, { sublevel: this.#manifests })
    else batch.put(digest, storedManifestRecord(manifest), { sublevel: this.#manifests })
    await batch.write()
  }

  #isHeld(entry: BlobEntry): boolean {
    return this.#entries.get(entry.stat.digest) === entry
  }

  #remember(entry: BlobEntry): void {
    this.#bytes += entry.stat.sizeBytes - (this.#entries.get(entry.stat.digest)?.stat.sizeBytes ?? 0)
    this.#entries.set(entry.stat.digest, entry)
  }
}

/** What LevelDB may hold ready of a batch, in bytes; with less it would cut the batches short. */
const BATCH_BYTES = 256 * 1024

/** All records in batches: one by one, or in small ones, takes several times as long. */
async function* batchesOf(sublevel: {
  iterator(options: object): {
    nextv(size: number): Promise<[string, string][]>
    close(): Promise<void>
  }
}): AsyncGenerator<readonly (readonly [key: string, value: string])[], void, undefined> {
  const iterator = sublevel.iterator({ highWaterMarkBytes: BATCH_BYTES })
  try {
    for (;;) {
      const records = await iterator.nextv(BATCH_RECORDS)
      if (records.length === 0) return
      yield records
    }
  } finally {
    await iterator.close()
  }
}

function recordOf({ stat, usage, verifiedAtMs }: BlobEntry): string {
  const { sizeBytes, pieceBytes } = stat
  return JSON.stringify({ sizeBytes, pieceBytes, verifiedAtMs, usage })
}

function parseEntry(key: string, value: string, nowMs: number): BlobEntry | undefined {
  const record = parseStoredRecord(value)
  const digest = parseStoredDigest(key)
  const { sizeBytes, pieceBytes, verifiedAtMs, usage } = record ?? {}
  if (digest === undefined || !isWholeNumber(sizeBytes)) return undefined
  if (!isWholeNumber(pieceBytes) || pieceBytes === 0) return undefined
  return {
    stat: { digest, sizeBytes, pieceBytes },
    usage: parseUsage(usage, nowMs) ?? firstUsage(nowMs),
    verifiedAtMs: isWholeNumber(verifiedAtMs) ? Math.min(verifiedAtMs, nowMs) : 0,
    readers: 0,
    checked: undefined,
  }
}
