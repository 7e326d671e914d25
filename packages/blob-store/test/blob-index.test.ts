import assert from 'node:assert/strict'
import { join } from 'node:path'
import { silentLog, type BlobStat } from '@layermesh/interface'
import { digestOf } from '@layermesh/oci'
import { createTempDir, type TempDir } from '@layermesh/testkit'
import { Level } from 'level'
import { BlobIndex } from '../src/blob-index.ts'
import { LevelLinkStore } from '../src/level-link-store.ts'

const hash = (text: string) => new Uint8Array(32).fill(text.charCodeAt(0))

function statOf(text: string, sizeBytes: number): BlobStat {
  return { digest: digestOf(Buffer.from(text)), sizeBytes, pieceBytes: 10 }
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

  async function reload(): Promise<BlobIndex> {
    await db.close()
    db = new Level(join(dir.path, 'index'))
    return BlobIndex.load(db)
  }

  it('keeps facts, piece tables and totals across a restart', async () => {
    const stat = statOf('a', 25)
    const index = await BlobIndex.load(db)
    await index.add(stat, [hash('x'), hash('y'), hash('z')])
    await index.add(statOf('b', 7))
    const reloaded = await reload()
    assert.deepEqual(reloaded.get(stat.digest), stat)
    assert.deepEqual(reloaded.totals, { blobs: 2, bytes: 32 })
    assert.deepEqual(await reloaded.pieceTable(stat), {
      pieceBytes: 10,
      hashes: [hash('x'), hash('y'), hash('z')],
    })
    assert.equal(await reloaded.pieceTable(statOf('b', 7)), undefined)
  })

  it('counts a blob once, whatever is done to it repeatedly', async () => {
    const index = await BlobIndex.load(db)
    await index.add(statOf('a', 25))
    await index.add(statOf('a', 20))
    assert.deepEqual(index.totals, { blobs: 1, bytes: 20 })
    await index.remove(statOf('a', 0).digest)
    await index.remove(statOf('a', 0).digest)
    assert.deepEqual(index.totals, { blobs: 0, bytes: 0 })
    assert.deepEqual((await reload()).totals, { blobs: 0, bytes: 0 })
  })

  it('forgets a blob in one step with what else is known of it', async () => {
    const stat = statOf('a', 5)
    const index = await BlobIndex.load(db)
    const links = new LevelLinkStore({ log: silentLog, db })
    await index.add(stat, [hash('x')])
    await links.put({ kind: 'blob', digest: stat.digest, upstream: 'docker.io', repository: 'a' })
    await index.remove(stat.digest, [links.removing(stat.digest)])
    assert.deepEqual(await links.of(stat.digest), [])
    assert.deepEqual(await db.keys().all(), [])
  })

  it('drops the piece table of a blob that is found again', async () => {
    const stat = statOf('a', 5)
    const index = await BlobIndex.load(db)
    await index.add(stat, [hash('x')])
    await index.add(stat)
    assert.equal(await index.pieceTable(stat), undefined)
  })

  it('has no piece table that does not fit the size', async () => {
    const index = await BlobIndex.load(db)
    await index.add(statOf('a', 25), [hash('x')])
    assert.equal(await index.pieceTable(statOf('a', 25)), undefined)
  })

  it('has an empty piece table for an empty blob', async () => {
    const index = await BlobIndex.load(db)
    await index.add(statOf('', 0), [])
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
    assert.deepEqual([...(await BlobIndex.load(db)).stats()], [good])
  })
})
