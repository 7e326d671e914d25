import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import type { BlobHandle, BlobStore, ByteRange, Digest, Fill, ReadOptions } from '@layermesh/interface'
import { digestOf } from '@layermesh/oci'
import { Level } from 'level'
import type { DataLayout } from '../../src/data-layout.ts'
import type { Storage } from '../../src/storage.ts'

/** Writes what a fill of `bytes` lacks, and returns how many bytes that were. */
export async function fillMissing(fill: Fill, bytes: Uint8Array): Promise<number> {
  let written = 0
  for (let missing = fill.firstMissing(); missing !== undefined; missing = fill.firstMissing()) {
    await fill.write(missing.start, bytes.subarray(missing.start, missing.end))
    written += missing.end - missing.start
  }
  return written
}

/** Fills a blob and commits it. */
export async function putBlob(blobs: BlobStore, bytes: Uint8Array): Promise<Digest> {
  const digest = digestOf(bytes)
  const fill = await blobs.startFill(digest, bytes.length)
  await fillMissing(fill, bytes)
  await fill.commit()
  return digest
}

/** Reads a range by copying each chunk as soon as it is there. */
export async function readAll(
  handle: BlobHandle,
  range?: ByteRange,
  options?: ReadOptions,
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  for await (const chunk of handle.read(range, options)) chunks.push(chunk.slice())
  return Buffer.concat(chunks)
}

export async function readBlob(blobs: BlobStore, digest: Digest): Promise<Uint8Array> {
  await using handle = await blobs.open(digest)
  return await readAll(handle)
}

/** The digests that are held once index and files agree, sorted. */
export async function listDigests({ blobs, reconciled }: Storage): Promise<Digest[]> {
  await reconciled
  return Array.from(blobs.list(), (stat) => stat.digest).toSorted()
}

export async function assertNoFillFiles(layout: DataLayout): Promise<void> {
  assert.deepEqual(await readdir(layout.fills), [])
}

/** Changes the LevelDB of a closed storage behind its back. */
export async function editIndex(layout: DataLayout, edit: (db: Level) => Promise<void>): Promise<void> {
  const db = new Level(layout.index)
  await edit(db)
  await db.close()
}

/** Whether a promise is undecided after everything that was due has run; can only err towards true. */
export async function isPending(promise: Promise<unknown>): Promise<boolean> {
  let pending = true
  const settle = () => {
    pending = false
  }
  promise.then(settle, settle)
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve))
  return pending
}
