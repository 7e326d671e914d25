import assert from 'node:assert/strict'
import { join } from 'node:path'
import type { TagRecord } from '@layermesh/interface'
import { digestOf } from '@layermesh/oci'
import { createTempDir, type TempDir } from '@layermesh/testkit'
import { Level } from 'level'
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

  const open = () => {
    db = new Level(join(dir.path, 'index'))
    tags = new LevelTagStore({ log, db })
  }
  beforeEach(async () => {
    dir = await createTempDir()
    log = createRecordingLog()
    open()
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
    open()
    assert.deepEqual(await tags.find(ref), record)
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
      assert.deepEqual(log.lines, ['warn tag record unreadable'])
    })
  }
})
