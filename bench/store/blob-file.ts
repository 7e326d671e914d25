import { link, mkdir, open, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'

import type { Digest } from '@layermesh/interface'
import { digestAlgorithm, digestHex } from '@layermesh/oci'

/** Bytes that are read at once. */
const CHUNK_BYTES = 1024 * 1024

/** A file with the content of a blob. */
export interface BlobFile {
  readonly path: string
  readonly digest: Digest
  readonly sizeBytes: number
}

/** Yields the bytes of a file; each chunk is overwritten by the next. */
export async function* chunksOf(path: string): AsyncGenerator<Uint8Array, void, undefined> {
  const buffer = new Uint8Array(CHUNK_BYTES)
  await using file = await open(path)
  for (;;) {
    const { bytesRead } = await file.read(buffer, 0, buffer.length)
    if (bytesRead === 0) return
    yield buffer.subarray(0, bytesRead)
  }
}

/** Reads the list of blob files that `main.ts` has written for the measures. */
export async function readBlobFileList(path: string): Promise<readonly BlobFile[]> {
  return JSON.parse(await readFile(path, 'utf8')) as BlobFile[]
}

/** Where a data folder has the file of a blob: see docs/architecture.md. */
export function storedPath(dataDir: string, digest: Digest): string {
  const hex = digestHex(digest)
  return join(dataDir, 'v1/blobs', digestAlgorithm(digest), hex.slice(0, 2), hex)
}

/** Makes a data folder that holds the blobs and has no index, at no cost: the files get another name. */
export async function layOut(dataDir: string, files: readonly BlobFile[]): Promise<void> {
  for (const { digest, path } of files) {
    const target = storedPath(dataDir, digest)
    await mkdir(dirname(target), { recursive: true })
    await link(path, target)
  }
}
