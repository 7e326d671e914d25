import { join } from 'node:path'
import type { Digest } from '@layermesh/interface'
import { digestOf } from '@layermesh/oci'
import { createTempDir } from '@layermesh/testkit'
import { Level } from 'level'
import { BlobIndex } from '../../src/blob-index.ts'
import type { BlobRole } from '../../src/eviction-policy.ts'
import { firstUsage } from '../../src/usage.ts'

/** The digest that a blob has in these tests, by its name. */
export const named = (name: string): Digest => digestOf(Buffer.from(name))

/** What a manifest needs, by name: `['layer', 'layer']`, or `['amd64', 'manifest', 'linux/amd64']`. */
export type NamedReference = readonly [name: string, role: BlobRole, platform?: string]

/** An index of blobs without files, filled by name. */
export interface IndexedImages extends AsyncDisposable {
  readonly index: BlobIndex
  /** Adds a blob; with references it is a manifest. */
  add(name: string, sizeBytes: number, options?: AddOptions): Promise<void>
}

export interface AddOptions {
  readonly lastUsedAtMs?: number
  readonly references?: readonly NamedReference[]
}

export async function createIndexedImages(): Promise<IndexedImages> {
  const dir = await createTempDir()
  const db = new Level(join(dir.path, 'index'))
  await db.open()
  const index = await BlobIndex.load(db, 0)
  return {
    index,
    async add(name, sizeBytes, { lastUsedAtMs = 0, references } = {}) {
      await index.add({
        stat: { digest: named(name), sizeBytes, pieceBytes: 1024 },
        usage: firstUsage(lastUsedAtMs),
        verifiedAtMs: 0,
        pieceHashes: [],
        manifest: references && {
          mediaType: `type of ${name}`,
          references: references.map(([child, role, platform]) => ({
            ...{ digest: named(child), sizeBytes: 1, role },
            ...(platform !== undefined && { platform }),
          })),
        },
      })
    },
    async [Symbol.asyncDispose]() {
      await db.close()
      await dir[Symbol.asyncDispose]()
    },
  }
}
