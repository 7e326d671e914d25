import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Digest } from '@layermesh/interface'
import { digestHex } from '@layermesh/oci'
import type { DataLayout } from '../../src/data-layout.ts'
import type { Storage } from '../../src/storage.ts'
import { readBlob } from './blob-actions.ts'

/** What a test knows of a store. */
export interface Expected {
  /** The bytes of every blob that may be there. */
  readonly contents: ReadonlyMap<Digest, Uint8Array>
  /** Those that must be there. */
  readonly held?: Iterable<Digest>
  /** Those that must not be there. */
  readonly gone?: Iterable<Digest>
  /** Fills that are under way. @default 0 */
  readonly fillsUnderWay?: number
}

/** As many bad files are kept, at most. */
const MAX_QUARANTINED = 8

const KNOWN_NAMES = new Set(['blobs', 'fills', 'index', 'pins.json', 'pins.json.new', 'quarantine'])

/**
 * Asserts what must hold of a store that nobody is changing, whatever it has been through: everything that is listed
 * reads back right, nothing that was finished is lost, nothing is left over, files and totals agree, and the budget
 * is kept.
 */
export async function assertInvariants(
  storage: Storage,
  layout: DataLayout,
  { contents, held = [], gone = [], fillsUnderWay = 0 }: Expected,
): Promise<void> {
  await storage.reconciled
  const { blobs } = storage
  const listed = Array.from(blobs.list(), (blob) => blob.digest)
  for (const digest of listed) {
    const bytes = contents.get(digest) ?? assert.fail(`${digest} was never put here`)
    assert.ok(Buffer.from(bytes).equals(await readBlob(blobs, digest)), `bytes of ${digest}`)
    const { pieceBytes, hashes } = await blobs.pieceTable(digest)
    assert.equal(hashes.length, Math.ceil(bytes.length / pieceBytes))
    for (const [index, hash] of hashes.entries()) {
      const piece = bytes.subarray(index * pieceBytes, (index + 1) * pieceBytes)
      assert.ok(createHash('sha256').update(piece).digest().equals(hash), `piece ${index} of ${digest}`)
    }
  }
  const isListed = new Set(listed)
  for (const digest of held) assert.ok(isListed.has(digest), `${digest} is lost`)
  for (const digest of gone) assert.ok(!isListed.has(digest), `${digest} should be gone`)
  await assertFiles(storage, layout, listed, fillsUnderWay)
}

async function assertFiles(
  storage: Storage,
  layout: DataLayout,
  listed: readonly Digest[],
  fillsUnderWay: number,
): Promise<void> {
  const files = await filesBelow(layout.blobs)
  assert.deepEqual([...files.keys()].toSorted(), listed.map((digest) => digestHex(digest)).toSorted())
  assert.deepEqual(storage.totals(), { blobs: files.size, bytes: sum(files.values()) })
  const quarantined = await filesBelow(layout.quarantine)
  assert.ok(quarantined.size <= MAX_QUARANTINED, `${quarantined.size} files in quarantine`)
  const { usedBytes, maxBytes } = storage.space()
  assert.ok(usedBytes <= maxBytes, `${usedBytes} of ${maxBytes} bytes are used`)
  assert.ok(usedBytes >= sum(files.values()) + sum(quarantined.values()), 'bytes are not counted')
  await assertNoLeftovers(layout, fillsUnderWay)
}

/** Asserts that there are no files but those that have a meaning: a paused fill has two, one that is under way may have. */
async function assertNoLeftovers(layout: DataLayout, fillsUnderWay: number): Promise<void> {
  for (const name of await readdir(layout.root)) assert.ok(KNOWN_NAMES.has(name), `${name} is left over`)
  const names = new Set(await readdir(layout.fills))
  const parts = [...names].filter((name) => name.endsWith('.part'))
  const unpaired = parts.filter((name) => !names.has(name.replace(/\.part$/, '.journal')))
  assert.ok(unpaired.length <= fillsUnderWay, `fills without a journal: ${unpaired.join(', ')}`)
  assert.equal(names.size, 2 * parts.length - unpaired.length, `files in fills: ${[...names].join(', ')}`)
}

/** The sizes of all files below a folder, by name. */
async function filesBelow(folder: string): Promise<ReadonlyMap<string, number>> {
  const sizes = new Map<string, number>()
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) sizes.set(entry.name, (await stat(join(entry.parentPath, entry.name))).size)
  }
  return sizes
}

function sum(numbers: Iterable<number>): number {
  return Iterator.from(numbers).reduce((total, number) => total + number, 0)
}
