import assert from 'node:assert/strict'
import { join } from 'node:path'
import { silentLog, type BlobStat } from '@layermesh/interface'
import { digestOf } from '@layermesh/oci'
import { createTempDir, type TempDir } from '@layermesh/testkit'
import { Level } from 'level'
import { BlobIndex, type NewBlob } from '../src/blob-index.ts'
import { LevelLinkStore } from '../src/level-link-store.ts'
import { firstUsage, usedAgain } from '../src/usage.ts'

const hash = (text: string) => new Uint8Array(32).fill(text.charCodeAt(0))

const NOW_MS = 1_000_000

function statOf(text: string, sizeBytes: number): BlobStat {
  return { digest: digestOf(Buffer.from(text)), sizeBytes, pieceBytes: 10 }
}

function blobOf(stat: BlobStat, pieceHashes: readonly Uint8Array[] = []): NewBlob {
  return { stat, usage: firstUsage(NOW_MS), verifiedAtMs: NOW_MS, pieceHashes, manifest: undefined }
}

describe('BlobIndex', () => {
  let dir: TempDir
  let db: Level

  beforeEach(async () => {
    dir = await createTempDir()
    db = new Level(join(dir.path, 'index'))
  })
  afterEach(async () => {
    await db.close()
    await dir[Symbol.asyncDispose]()
  })

  async function reload(nowMs = NOW_MS): Promise<BlobIndex> {
    await db.close()
    db = new Level(join(dir.path, 'index'))
    return BlobIndex.load(db, nowMs)
  }

  it('keeps facts, piece tables and totals across a restart', async () => {
    const stat = statOf('a', 25)
    const index = await BlobIndex.load(db, NOW_MS)
    await index.add(blobOf(stat, [hash('x'), hash('y'), hash('z')]))
    await index.add(blobOf(statOf('b', 7)))
    const reloaded = await reload()
    assert.deepEqual(reloaded.get(stat.digest)?.stat, stat)
    assert.deepEqual(reloaded.totals, { blobs: 2, bytes: 32 })
    assert.deepEqual(await reloaded.pieceTable(stat), {
      pieceBytes: 10,
      hashes: [hash('x'), hash('y'), hash('z')],
    })
    assert.equal(await reloaded.pieceTable(statOf('b', 7)), undefined)
  })

  it('counts a blob once, whatever is done to it repeatedly', async () => {
    const index = await BlobIndex.load(db, NOW_MS)
    await index.add(blobOf(statOf('a', 25)))
    await index.add(blobOf(statOf('a', 20)))
    assert.deepEqual(index.totals, { blobs: 1, bytes: 20 })
    await index.remove(statOf('a', 0).digest)
    await index.remove(statOf('a', 0).digest)
    assert.deepEqual(index.totals, { blobs: 0, bytes: 0 })
    assert.deepEqual((await reload()).totals, { blobs: 0, bytes: 0 })
  })

  it('forgets a blob in one step with what else is known of it', async () => {
    const stat = statOf('a', 5)
    const index = await BlobIndex.load(db, NOW_MS)
    const links = new LevelLinkStore({ log: silentLog, db })
    await index.add(blobOf(stat, [hash('x')]))
    await links.put({ kind: 'blob', digest: stat.digest, upstream: 'docker.io', repository: 'a' })
    await index.remove(stat.digest, [links.removing(stat.digest)])
    assert.deepEqual(await links.of(stat.digest), [])
    assert.deepEqual(await db.keys().all(), [])
  })

  it('keeps uses once they are flushed, and those of the future as of now', async () => {
    const index = await BlobIndex.load(db, NOW_MS)
    const entry = await index.add(blobOf(statOf('a', 5)))
    const later = usedAgain(entry.usage, NOW_MS + 3_600_000)
    index.used(entry, later)
    assert.deepEqual((await reload()).get(entry.stat.digest)?.usage, firstUsage(NOW_MS))
    const again = await BlobIndex.load(db, NOW_MS)
    again.used(again.get(entry.stat.digest)!, later)
    await again.flush()
    const { usage } = (await reload(NOW_MS + 7_200_000)).get(entry.stat.digest)!
    assert.deepEqual(usage, later)
    assert.equal((await reload(NOW_MS)).get(entry.stat.digest)!.usage.lastUsedAtMs, NOW_MS)
  })

  it('does not bring a blob back whose use was noted before it went', async () => {
    const index = await BlobIndex.load(db, NOW_MS)
    const entry = await index.add(blobOf(statOf('a', 5)))
    index.used(entry, usedAgain(entry.usage, NOW_MS + 3_600_000))
    await index.remove(entry.stat.digest)
    index.used(entry, usedAgain(entry.usage, NOW_MS + 7_200_000))
    await index.flush()
    assert.deepEqual(await db.keys().all(), [])
  })

  it('knows manifests across a restart, until they go', async () => {
    const index = await BlobIndex.load(db, NOW_MS)
    const { digest } = statOf('m', 5)
    const layer = { digest: statOf('l', 0).digest, sizeBytes: 9, role: 'layer' as const }
    const child = {
      digest: statOf('c', 0).digest,
      sizeBytes: 8,
      role: 'manifest' as const,
      platform: 'linux/amd64',
    }
    const manifest = { mediaType: 'm/n', references: [child, layer] }
    await index.add({ ...blobOf(statOf('m', 5)), manifest })
    const reloaded = await reload()
    assert.deepEqual(reloaded.graph.get(digest), manifest)
    await reloaded.remove(digest)
    assert.equal(reloaded.graph.get(digest), undefined)
    assert.equal((await reload()).graph.get(digest), undefined)
  })

  it('stores what a verification has found', async () => {
    const index = await BlobIndex.load(db, NOW_MS)
    const entry = await index.add(blobOf(statOf('a', 5)))
    await index.verified(entry, { verifiedAtMs: NOW_MS + 9, pieceHashes: [hash('x')], manifest: undefined })
    const reloaded = await reload(NOW_MS + 10)
    assert.equal(reloaded.get(entry.stat.digest)?.verifiedAtMs, NOW_MS + 9)
    assert.deepEqual((await reloaded.pieceTable(entry.stat))?.hashes, [hash('x')])
  })

  it('has no piece table that does not fit the size', async () => {
    const index = await BlobIndex.load(db, NOW_MS)
    await index.add(blobOf(statOf('a', 25), [hash('x')]))
    assert.equal(await index.pieceTable(statOf('a', 25)), undefined)
  })

  it('has an empty piece table for an empty blob', async () => {
    const index = await BlobIndex.load(db, NOW_MS)
    await index.add(blobOf(statOf('', 0)))
    assert.deepEqual(await index.pieceTable(statOf('', 0)), { pieceBytes: 10, hashes: [] })
  })

  it('leaves out entries that make no sense, and ignores fields that it does not know', async () => {
    const good = statOf('a', 25)
    const facts = db.sublevel('blobs')
    await facts.put(good.digest, '{"sizeBytes":25,"pieceBytes":10,"pinned":true}')
    for (const [key, value] of [
      ['sha256:zz', '{"sizeBytes":25,"pieceBytes":10}'],
      [statOf('b', 0).digest, '{"sizeBytes":25'],
      [statOf('c', 0).digest, '{"sizeBytes":-1,"pieceBytes":10}'],
      [statOf('d', 0).digest, '{"sizeBytes":1,"pieceBytes":0}'],
      [statOf('e', 0).digest, 'null'],
    ] as const) {
      await facts.put(key, value)
    }
    assert.deepEqual(
      [...(await BlobIndex.load(db, NOW_MS)).entries()].map(({ stat }) => stat),
      [good],
    )
  })
})
