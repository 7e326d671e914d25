import type { ByteRange } from './byte-range.ts'
import type { ContentRef } from './content.ts'
import type { Digest } from './digest.ts'
import type { Unsubscribe } from './lifecycle.ts'

/** Facts about a finished, verified blob on this node's disk. */
export interface BlobStat {
  readonly digest: Digest
  readonly sizeBytes: number
  /** Size of every piece but the last, in bytes. */
  readonly pieceBytes: number
}

/** Options of every call that reads. */
export interface ReadOptions {
  readonly signal?: AbortSignal
}

/**
 * An open blob, finished or still filling, that can be read at any range, by any number of readers.
 * Dispose of it when done: until then its bytes stay readable even if the blob is removed from the store.
 */
export interface BlobHandle extends AsyncDisposable {
  readonly digest: Digest
  readonly sizeBytes: number
  /**
   * Yields the bytes of `range` in order; waits for those that are still being filled.
   *
   * A chunk is lent, not given: its memory is reused once the iterator has been advanced **twice** more, so
   * that one chunk can be on its way to a socket while the next is read. Copy what you keep.
   *
   * Throws ERR_RANGE_UNSATISFIABLE when `range` is not inside the blob, and the fill's error when the fill
   * fails before all bytes of `range` are known to be right; then no further byte is yielded. Throws
   * ERR_BLOB_DAMAGED when the file of a finished blob is shorter than what was verified.
   */
  read(range?: ByteRange, options?: ReadOptions): AsyncIterable<Uint8Array>
}

/** A source of the {@link PieceTable}: the SHA-256 of each piece, in order, 32 bytes each. */
export interface PieceTable {
  readonly pieceBytes: number
  readonly hashes: readonly Uint8Array[]
}

/**
 * One download of one blob into one node's disk. The writer owns it: exactly one of `commit`, `pause` and `fail` ends it.
 * Readers come and go and never influence it.
 */
export interface Fill {
  readonly digest: Digest
  readonly sizeBytes: number
  readonly pieceBytes: number
  /** Whether any reader was handed a byte; while none was, the fill can be replaced without anybody noticing. */
  readonly exposed: boolean
  /** The first bytes that are still missing: from the first byte that has not come to the next that has; undefined when all are there. */
  firstMissing(): ByteRange | undefined
  /**
   * Writes bytes that the caller vouches for: they become readable at once, before the disk has them, except those of the last
   * piece, which are held back until the whole blob is there and has its digest. `offset` must be where the piece that it
   * lies in has been written to. Readers may be given these very bytes: nobody may change them any more.
   *
   * Throws ERR_FILL_WRITE when the disk refuses, after which nothing more can be written; ERR_FILL_ENDED after `commit`, `pause` or `fail`.
   */
  write(offset: number, bytes: Uint8Array): Promise<void>
  /** A piece's SHA-256 once all its bytes have come and are readable, or held back as the last piece is; else undefined. */
  pieceHash(index: number): Uint8Array | undefined
  /** Resolves when all bytes of `range` have come (not verified as a whole), rejects when the fill fails before. */
  whenWritten(range: ByteRange, options?: ReadOptions): Promise<void>
  /**
   * Opens the blob for readers that follow the fill. Throws ERR_FILL_ENDED when the fill has ended. After an end
   * that says nothing against the bytes (`pause`, or `fail` with ERR_FILL_WRITE), handles that were opened before
   * still read what was readable by then, and reject with the reason where that ends.
   */
  open(): BlobHandle
  /**
   * Makes the finished blob part of the store: verify, fsync, rename, fsync of the folder, index, in this order.
   * Throws ERR_BLOB_CORRUPT when the whole-blob digest is wrong, and readers fail; and ERR_FILL_WRITE when the disk
   * refuses what has the right digest: then readers finish, and the bytes are gone.
   */
  commit(): Promise<BlobStat>
  /**
   * Ends the fill without a blob, and keeps the pieces that are complete: the next fill of the same blob goes on
   * from them, also after a restart. Waiting readers reject with `reason`. What is kept counts against the budget,
   * and is the first thing to go when room is needed.
   */
  pause(reason: Error): Promise<void>
  /** Ends the fill without a blob: its bytes are dropped and waiting readers reject with `reason`. */
  fail(reason: Error): Promise<void>
}

/** Why a blob isn't held any more: room was needed, nobody used it, a person said so, or its file was no longer right. */
export type RemovalReason = 'evicted' | 'unused' | 'purged' | 'damaged'

/** Hears of each change of what a store holds, after it has happened. Must not throw. */
export interface HoldingsListener {
  /** A blob is finished, verified and on disk. */
  added?(stat: BlobStat): void
  /** A blob isn't held any more. `links` are the places where it was known, for whoever wants to get it again. */
  removed?(digest: Digest, reason: RemovalReason, links: readonly ContentRef[]): void
}

/** Bytes on disk by digest. What it holds has been verified against the digest, and survives a crash. */
export interface BlobStore {
  /** Whether a finished blob is known to be here, without a look at the disk: what has been committed here and not removed is. */
  knows(digest: Digest): boolean
  /** Facts about a finished blob, or undefined when this node doesn't hold it. Local and quick. */
  stat(digest: Digest): Promise<BlobStat | undefined>
  /** Opens a finished blob. Throws ERR_BLOB_NOT_FOUND when this node doesn't hold it. */
  open(digest: Digest): Promise<BlobHandle>
  /**
   * The piece table of a finished blob. Throws ERR_BLOB_NOT_FOUND when this node doesn't hold it, ERR_BLOB_DAMAGED
   * when the table had to be made from the file and the file is wrong.
   */
  pieceTable(digest: Digest): Promise<PieceTable>
  /**
   * Size of the whole blob, as it was told to an earlier fill that was paused or interrupted and that `startFill` would
   * go on from; undefined when there is none. Local and quick.
   */
  pausedSizeBytes(digest: Digest): Promise<number | undefined>
  /**
   * Starts to fill a blob of `sizeBytes`, from where an earlier fill of it was paused or interrupted if there was
   * one; its room is reserved until the fill ends, and others are evicted for it if need be. The caller makes sure
   * that a digest is filled once at a time.
   * Throws ERR_STORE_FULL when there is no room and nothing that may be evicted, ERR_FILL_WRITE when the disk refuses.
   */
  startFill(digest: Digest, sizeBytes: number): Promise<Fill>
  /**
   * Notes that a client has used a blob without opening it here, as when a manifest was served from memory. A manifest
   * that is used protects all that it refers to: its image is being pulled.
   */
  used(digest: Digest): void
  /** Removes a blob; open handles keep reading. Does nothing when it isn't held. */
  remove(digest: Digest, reason: RemovalReason): Promise<void>
  /** Every finished blob that is known so far, in no order; `watch` tells of the others. */
  list(): Iterable<BlobStat>
  /** Hears of changes from now on. */
  watch(listener: HoldingsListener): Unsubscribe
}
