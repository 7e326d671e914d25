import type { BlobHandle, Digest } from '@layermesh/interface'
import { createDigestHash, digestAlgorithm } from '@layermesh/oci'
import { PieceGrid } from './piece-grid.ts'
import { PieceHasher } from './piece-hasher.ts'

/** Hashes a blob as it is on disk: the digest that it really has, and the SHA-256 of each piece. */
export async function hashFile(
  handle: BlobHandle,
  pieceBytes: number,
): Promise<{ readonly actual: Digest; readonly pieceHashes: readonly Uint8Array[] }> {
  const whole = createDigestHash(digestAlgorithm(handle.digest))
  const pieces = new PieceHasher(new PieceGrid(handle.sizeBytes, pieceBytes))
  let offset = 0
  for await (const chunk of handle.read()) {
    whole.update(chunk)
    pieces.update(offset, chunk)
    offset += chunk.length
  }
  return { actual: whole.digest(), pieceHashes: pieces.all() }
}
