import assert from 'node:assert/strict'
import { join } from 'node:path'
import type { TagRecord } from '@layermesh/interface'
import { digestOf } from '@layermesh/oci'
import { createTempDir, type TempDir } from '@layermesh/testkit'
import { Level } from 'level'
import type { IndexChange } from '../src/index-change.ts'
import { LevelTagStore } from '../src/level-tag-store.ts'
import { createRecordingLog, type RecordingLog } from './support/recording-log.ts'

const ref = { upstream: 'docker.io', repository: 'library/nginx', tag: 'latest' }
const record: TagRecord = {
  digest: digestOf(Buffer.from('manifest')),
  mediaType: 'application/vnd.oci.image.index.v1+json',
  sizeBytes: 10,
  confirmedAtMs: 1_700_000_000_000,
}

describe('LevelTagStore', () => {
  let dir: TempDir
  let db: Level
  let log: RecordingLog
  let tags: LevelTagStore

  const open = async (maxTags?: number) => {
    db = new Level(join(dir.path, 'index'))
    tags = await LevelTagStore.load({ log, db }, maxTags)
  }
  beforeEach(async () => {
    dir = await createTempDir()
    log = createRecordingLog()
    await open()
  })
  afterEach(async () => {
    await db.close()
    await dir[Symbol.asyncDispose]()
  })

  it('finds nothing for a tag that was never stored', async () => {
    assert.equal(await tags.find(ref), undefined)
  })

  it('keeps a record across a restart', async () => {
    await tags.put(ref, record)
    await db.close()
    await open()
    assert.deepEqual(await tags.find(ref), record)
  })

  it('keeps for whom a record is', async () => {
    await tags.put(ref, { ...record, access: 'login' })
    assert.deepEqual(await tags.find(ref), { ...record, access: 'login' })
    assert.deepEqual(await tags.find({ ...ref, access: 'login' }), { ...record, access: 'login' })
  })

  it('replaces a record', async () => {
    await tags.put(ref, record)
    await tags.put(ref, { ...record, confirmedAtMs: 2 })
    assert.equal((await tags.find(ref))?.confirmedAtMs, 2)
  })

  it('removes a record, and nothing when there is none', async () => {
    await tags.put(ref, record)
    await tags.remove(ref)
    await tags.remove(ref)
    assert.equal(await tags.find(ref), undefined)
  })

  it('tells references apart whose parts give the same text when they are joined', async () => {
    const refs = [
      { upstream: 'host:5000', repository: 'a/b', tag: 'c' },
      { upstream: 'host', repository: '5000/a/b', tag: 'c' },
      { upstream: 'host:5000/a', repository: 'b', tag: 'c' },
      { upstream: 'host:5000', repository: 'a', tag: 'b/c' },
      { upstream: 'host:5000', repository: 'a/b","c', tag: '' },
    ]
    for (const [index, other] of refs.entries()) await tags.put(other, { ...record, sizeBytes: index })
    for (const [index, other] of refs.entries()) assert.equal((await tags.find(other))?.sizeBytes, index)
  })

  it('ignores fields that it does not know', async () => {
    await db
      .sublevel('tags')
      .put(
        JSON.stringify(['docker.io', 'library/nginx', 'latest']),
        JSON.stringify({ ...record, later: [1] }),
      )
    assert.deepEqual(await tags.find(ref), record)
  })

  for (const value of ['{', 'null', '[]', '{}', JSON.stringify({ ...record, digest: 'sha256:short' })]) {
    it(`finds nothing and warns when the record is ${value}`, async () => {
      await db.sublevel('tags').put(JSON.stringify(['docker.io', 'library/nginx', 'latest']), value)
      assert.equal(await tags.find(ref), undefined)
      assert.deepEqual(log.lines, ['warn stored record unreadable'])
    })
  }

  const tagged = (tag: number) => ({ ...ref, tag: String(tag) })
  const listTags = async () => {
    await tags.whenPruned()
    return (await Array.fromAsync(tags.list())).map(({ tag }) => tag)
  }
  const putAt = (tag: number, confirmedAtMs: number) => tags.put(tagged(tag), { ...record, confirmedAtMs })

  describe('list', () => {
    it('yields every record with what it is of, by upstream, repository and tag', async () => {
      const refs = [
        { upstream: 'docker.io', repository: 'library/nginx', tag: '1' },
        { upstream: 'docker.io', repository: 'library/nginx', tag: '2' },
        { upstream: 'docker.io', repository: 'library/nginx-x', tag: '1' },
        { upstream: 'ghcr.io', repository: 'a', tag: '1' },
      ]
      for (const other of refs.toReversed()) await tags.put(other, record)
      assert.deepEqual(
        await Array.fromAsync(tags.list()),
        refs.map((other) => ({ ...other, ...record })),
      )
    })

    for (const key of ['nonsense', '{', '[]', '["docker.io","library/nginx"]', '["docker.io",1,"latest"]']) {
      it(`skips a record under the key ${key}, and warns of it once`, async () => {
        await tags.put(ref, record)
        await db.sublevel('tags').put(key, JSON.stringify(record))
        assert.deepEqual(await listTags(), ['latest'])
        assert.deepEqual(await listTags(), ['latest'])
        assert.deepEqual(log.lines, ['warn stored record unreadable'])
      })
    }
  })

  describe('with as many records as may be', () => {
    beforeEach(async () => {
      await db.close()
      await open(10)
    })

    it('drops those that were confirmed the longest ago when one more comes', async () => {
      for (const tag of [5, 3, 9, 1, 7, 0, 8, 2, 6, 4]) await putAt(tag, 100 + tag)
      assert.equal((await listTags()).length, 10)
      await putAt(10, 110)
      assert.deepEqual(await listTags(), ['10', '2', '3', '4', '5', '6', '7', '8', '9'])
    })

    it('counts what was there at the start, and what is replaced or removed only once', async () => {
      for (let tag = 0; tag < 9; tag++) await putAt(tag, tag)
      await db.close()
      await open(10)
      await putAt(0, 100)
      await putAt(0, 101)
      await tags.remove(tagged(1))
      await tags.remove(tagged(1))
      await putAt(9, 9)
      await putAt(10, 10)
      assert.equal((await listTags()).length, 10)
      await putAt(11, 11)
      assert.deepEqual(await listTags(), ['0', '10', '11', '4', '5', '6', '7', '8', '9'])
    })

    it('drops no more than it must when all were confirmed at once, as many at a time as come', async () => {
      await Promise.all(Array.from({ length: 25 }, (_, tag) => putAt(tag, 1)))
      const { length } = await listTags()
      assert.ok(length >= 9 && length <= 10, String(length))
    })

    it('keeps them all when the disk refuses to drop any, and tries again', async () => {
      let isFull = true
      const batch = db.batch.bind(db) as (changes: IndexChange[]) => Promise<void>
      const refusing = (changes: IndexChange[]) =>
        isFull && changes[0]?.type === 'del' ? Promise.reject(new Error('ENOSPC')) : batch(changes)
      Object.assign(db, { batch: refusing })
      for (let tag = 0; tag < 12; tag++) await putAt(tag, tag)
      assert.equal((await listTags()).length, 12)
      assert.ok(log.lines.includes('warn old tag records not removed'))
      isFull = false
      await putAt(12, 12)
      assert.equal((await listTags()).length, 9)
    })

    it('drops first what can not be read', async () => {
      await db.sublevel('tags').put('nonsense', '{')
      await db.close()
      await open(10)
      for (let tag = 0; tag < 10; tag++) await putAt(tag, tag)
      assert.deepEqual(await listTags(), ['1', '2', '3', '4', '5', '6', '7', '8', '9'])
      assert.equal(await db.sublevel('tags').get('nonsense'), undefined)
    })
  })

  describe('removeConfirmedBefore', () => {
    it('drops what was confirmed earlier, in more than one batch, and says how many', async () => {
      await Promise.all(Array.from({ length: 2500 }, (_, tag) => putAt(tag, tag)))
      assert.equal(await tags.removeConfirmedBefore(2498), 2498)
      assert.deepEqual(await listTags(), ['2498', '2499'])
      assert.equal(await tags.removeConfirmedBefore(2498), 0)
    })

    it('keeps a record that is confirmed again meanwhile', async () => {
      await putAt(1, 1)
      const removing = tags.removeConfirmedBefore(2)
      // Takes its turn before the removal, which first has to find the record.
      await putAt(1, 2)
      assert.equal(await removing, 0)
      assert.deepEqual(await listTags(), ['1'])
    })
  })
})
