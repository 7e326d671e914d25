import { join } from 'node:path'
import type { Digest } from '@layermesh/interface'
import type { BlobIndex } from './blob-index.ts'
import type { DataLayout } from './data-layout.ts'
import type { Disk } from './disk.ts'
import { parseStoredDigest } from './stored-record.ts'
import { isSystemError } from './system-error.ts'

/**
 * Yields the digests that only one of index and folders has: blobs that the index lost, and entries whose file is
 * gone. Reads names only. Things may change meanwhile, so a digest that is yielded has still to be looked at.
 *
 * Throws `signal.reason` when it is aborted.
 */
export async function* findUnsettled(
  disk: Disk,
  layout: DataLayout,
  index: BlobIndex,
  signal: AbortSignal,
): AsyncGenerator<Digest, void, undefined> {
  const withoutFile = new Set(index.digests())
  for (const { algorithm, path } of layout.algorithmFolders) {
    for (const shard of await disk.readdir(path)) {
      signal.throwIfAborted()
      for (const name of await namesIn(disk, join(path, shard))) {
        const digest = parseStoredDigest(`${algorithm}:${name}`)
        if (digest === undefined || !name.startsWith(shard)) continue
        if (!withoutFile.delete(digest) && index.get(digest) === undefined) yield digest
      }
    }
  }
  for (const digest of withoutFile) {
    signal.throwIfAborted()
    yield digest
  }
}

/** What is in a shard; nothing when it isn't a folder. */
async function namesIn(disk: Disk, shard: string): Promise<readonly string[]> {
  try {
    return await disk.readdir(shard)
  } catch (error) {
    if (isSystemError(error, 'ENOTDIR')) return []
    throw error
  }
}
