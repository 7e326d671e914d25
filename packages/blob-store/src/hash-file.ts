import type { FileHandle } from 'node:fs/promises'
import type { BlobStat, Digest } from '@layermesh/interface'
import { createDigestHash, digestAlgorithm } from '@layermesh/oci'
import type { BufferPool } from './buffer-pool.ts'
import { PieceGrid } from './piece-grid.ts'
import { isOnePieceDigest, PieceHasher } from './piece-hasher.ts'
import { readReadable } from './range-reader.ts'

/** What a file really has. */
export interface HashedFile {
  readonly actual: Digest
  readonly pieceHashes: readonly Uint8Array[]
  /** Undefined when the file is empty. */
  readonly firstByte: number | undefined
}

/** Called after each chunk of a file was hashed; the next is read when it resolves. */
export type PaceKeeper = (bytes: number) => Promise<void> | void

/**
 * Hashes a blob's file as it is on disk: the digest that it really has, and the SHA-256 of each piece; undefined when
 * the file ends, or can't be read on, before the blob's size. `keepPace` may hold it up.
 */
export async function hashFile(
  file: FileHandle,
  { digest, sizeBytes, pieceBytes }: BlobStat,
  pool: BufferPool,
  keepPace: PaceKeeper = () => {},
): Promise<HashedFile | undefined> {
  const grid = new PieceGrid(sizeBytes, pieceBytes)
  const pieces = new PieceHasher(grid)
  const whole = isOnePieceDigest(digest, grid) ? undefined : createDigestHash(digestAlgorithm(digest))
  let firstByte: number | undefined
  const buffer = pool.acquire()
  try {
    for (let offset = 0; offset < sizeBytes;) {
      const chunk = buffer.subarray(0, Math.min(buffer.length, sizeBytes - offset))
      if ((await readReadable(file, chunk, offset)) < chunk.length) return undefined
      whole?.update(chunk)
      pieces.update(offset, chunk)
      firstByte ??= chunk[0]
      offset += chunk.length
      await keepPace(chunk.length)
    }
  } finally {
    pool.release(buffer)
  }
  return { actual: whole?.digest() ?? pieces.onePieceDigest(), pieceHashes: pieces.all(), firstByte }
}
