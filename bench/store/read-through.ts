import { createHash } from 'node:crypto'

import type { BlobHandle, BlobStore, Digest } from '@layermesh/interface'

/** Reads a blob to its end, as a client does that throws it away. Throws when bytes are missing. */
export async function readThrough(handle: BlobHandle): Promise<void> {
  let bytes = 0
  for await (const chunk of handle.read()) bytes += chunk.length
  if (bytes !== handle.sizeBytes) throw new Error(`${handle.digest} ended after ${bytes} bytes`)
}

/** Reads a blob to its end. Throws when its bytes have another digest. */
export async function readAndCheck(handle: BlobHandle): Promise<void> {
  const hash = createHash('sha256')
  for await (const chunk of handle.read()) hash.update(chunk)
  const actual = `sha256:${hash.digest('hex')}`
  if (actual !== handle.digest) throw new Error(`${handle.digest} was read as ${actual}`)
}

/** Opens a finished blob, reads it and throws when its bytes have another digest. */
export async function openAndCheck(blobs: BlobStore, digest: Digest): Promise<void> {
  await using handle = await blobs.open(digest)
  await readAndCheck(handle)
}
