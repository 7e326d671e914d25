import { createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'

import { parseDigest } from '@layermesh/oci'
import { seededBytes } from '@layermesh/testkit'

import type { BlobFile } from './blob-file.ts'

/** Bytes that are made at once. */
const CHUNK_BYTES = 1024 * 1024

/** Writes a file of `sizeBytes` that don't compress and are the same for the same `seed`. */
export async function writeBlobFile(path: string, seed: string, sizeBytes: number): Promise<BlobFile> {
  const hash = createHash('sha256')
  const chunks = function* () {
    for (let offset = 0; offset < sizeBytes; offset += CHUNK_BYTES) {
      const chunk = seededBytes(`${seed} ${offset}`, Math.min(CHUNK_BYTES, sizeBytes - offset))
      hash.update(chunk)
      yield chunk
    }
  }
  await pipeline(chunks(), createWriteStream(path))
  return { path, digest: parseDigest(`sha256:${hash.digest('hex')}`), sizeBytes }
}
