import type { Digest } from '@layermesh/interface'
import type { BlobEntry } from './blob-entry.ts'
import type { BlobIndex } from './blob-index.ts'

/**
 * When a blob was last of use to a client, in store time: when it was read itself, or when an image that needs it was
 * asked for. A client that has an image asks only whether its tag has moved, and still uses all of it.
 */
export function lastUseOf({ stat, usage }: BlobEntry, index: BlobIndex): number {
  let lastUsedAtMs = usage.lastUsedAtMs
  for (const ancestor of index.graph.ancestorsOf(stat.digest)) {
    lastUsedAtMs = Math.max(lastUsedAtMs, index.get(ancestor)?.usage.lastUsedAtMs ?? 0)
  }
  return lastUsedAtMs
}

/** The blobs that nobody has had a use for since `usedBeforeMs`. */
export function unusedBlobs(index: BlobIndex, usedBeforeMs: number): readonly Digest[] {
  return index
    .entries()
    .filter((entry) => entry.usage.lastUsedAtMs < usedBeforeMs && lastUseOf(entry, index) < usedBeforeMs)
    .map((entry) => entry.stat.digest)
    .toArray()
}
