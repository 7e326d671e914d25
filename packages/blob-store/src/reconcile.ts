import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Digest } from '@layermesh/interface'
import type { BlobIndex } from './blob-index.ts'
import type { DataLayout } from './data-layout.ts'
import { parseStoredDigest } from './stored-record.ts'

/**
 * Yields the digests that only one of index and folders has: blobs that the index lost, and entries whose file is
 * gone. Reads names only. Things may change meanwhile, so a digest that is yielded has still to be looked at.
 *
 * Throws `signal.reason` when it is aborted.
 */
export async function* findUnsettled(
  layout: DataLayout,
  index: BlobIndex,
  signal: AbortSignal,
): AsyncGenerator<Digest, void, undefined> {
  const withoutFile = new Set(index.digests())
  for (const { algorithm, path } of layout.algorithmFolders) {
    for (const shard of await foldersIn(path)) {
      signal.throwIfAborted()
      for (const name of await readdir(join(path, shard))) {
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

async function foldersIn(path: string): Promise<readonly string[]> {
  const entries = await readdir(path, { withFileTypes: true })
  return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name)
}
