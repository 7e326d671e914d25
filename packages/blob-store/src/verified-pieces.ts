import { createHash } from 'node:crypto'
import type { FileHandle } from 'node:fs/promises'
import type { BlobStat, ByteRange } from '@layermesh/interface'
import { createDigestHash, digestAlgorithm } from '@layermesh/oci'
import type { BufferPool } from './buffer-pool.ts'
import type { JournalPiece } from './fill-journal-format.ts'
import { PieceGrid } from './piece-grid.ts'
import type { HashedPrefix } from './prefix-hasher.ts'
import { readFully } from './range-reader.ts'

/** What of a fill's file has been read back and found as it was written. */
export interface VerifiedPieces {
  /** The SHA-256 of each complete piece. */
  readonly hashes: ReadonlyMap<number, Uint8Array>
  /** The complete pieces from the start on without a gap. */
  readonly prefix: HashedPrefix
}

/**
 * Reads back the pieces that a journal claims to be in `file`, and hashes each once for itself and, while there is no
 * gap before it, once for the whole blob. Those that don't match are left out.
 */
export async function verifyPieces(
  file: FileHandle,
  blob: BlobStat,
  claimed: readonly JournalPiece[],
  pool: BufferPool,
): Promise<VerifiedPieces> {
  const grid = new PieceGrid(blob.sizeBytes, blob.pieceBytes)
  const expected = new Map(claimed.map(({ index, hash }) => [index, hash]))
  const hashes = new Map<number, Uint8Array>()
  let prefix: HashedPrefix = { hash: createDigestHash(digestAlgorithm(blob.digest)), endOffset: 0 }
  const buffer = pool.acquire()
  try {
    for (const index of [...expected.keys()].toSorted((a, b) => a - b)) {
      const range = { start: grid.startOf(index), end: grid.endOf(index) }
      // The bytes are not known to be right before the piece has ended: until then a copy of the hash takes them.
      const whole = range.start === prefix.endOffset ? prefix.hash.copy() : undefined
      const piece = createHash('sha256')
      for await (const chunk of chunksOf(file, range, buffer)) {
        piece.update(chunk)
        whole?.update(chunk)
      }
      const hash = expected.get(index)
      if (hash === undefined || !piece.digest().equals(hash)) continue
      hashes.set(index, hash)
      if (whole !== undefined) prefix = { hash: whole, endOffset: range.end }
    }
  } finally {
    pool.release(buffer)
  }
  return { hashes, prefix }
}

/** Yields the bytes of `range`, fewer when the file ends before; each chunk is overwritten by the next. */
async function* chunksOf(
  file: FileHandle,
  range: ByteRange,
  buffer: Uint8Array,
): AsyncGenerator<Uint8Array, void, undefined> {
  for (let offset = range.start; offset < range.end; offset += buffer.length) {
    const length = Math.min(buffer.length, range.end - offset)
    const bytesRead = await readFully(file, buffer.subarray(0, length), offset)
    yield buffer.subarray(0, bytesRead)
    if (bytesRead < length) return
  }
}
