import assert from 'node:assert/strict'
import { join } from 'node:path'
import { createTempDir, type TempDir } from '@layermesh/testkit'
import { Level } from 'level'
import { StoredRecords } from '../src/stored-records.ts'
import { createRecordingLog, type RecordingLog } from './support/recording-log.ts'

describe('StoredRecords', () => {
  let dir: TempDir
  let db: Level
  let log: RecordingLog
  let records: StoredRecords<number>

  beforeEach(async () => {
    dir = await createTempDir()
    log = createRecordingLog()
    db = new Level(join(dir.path, 'index'))
    records = new StoredRecords(
      { log, db },
      { name: 'numbers', parse: (_, { value }) => (typeof value === 'number' ? value : undefined) },
    )
    await records.write(
      records.putting('a', { value: 1 }),
      records.putting('b', { value: 'no number' }),
      records.putting('c', { value: 3 }),
    )
  })
  afterEach(async () => {
    await db.close()
    await dir[Symbol.asyncDispose]()
  })

  it('tells what is not there from what can not be read', async () => {
    assert.equal(await records.find('a'), 1)
    assert.equal(await records.find('b'), undefined)
    assert.deepEqual(await records.findMany(['c', 'b', 'x', 'a']), [3, undefined, undefined, 1])
    assert.deepEqual(await records.hasMany(['c', 'b', 'x', 'a']), [true, true, false, true])
    assert.equal(await records.count(), 3)
  })

  it('yields every record by its key, and those that are wanted in portions', async () => {
    assert.deepEqual(await Array.fromAsync(records.entries()), [
      ['a', 1],
      ['b', undefined],
      ['c', 3],
    ])
    const isWanted = (key: string, record: number | undefined) => key === 'c' || record === undefined
    assert.deepEqual(await Array.fromAsync(records.keysWhere(isWanted)), [['b', 'c']])
    const more = Array.from({ length: 2000 }, (_, index) => records.putting(`n${index}`, { value: 1 }))
    await records.write(...more)
    const portions = await Array.fromAsync(records.keysWhere((_, record) => record === 1))
    assert.deepEqual(
      portions.map(({ length }) => length),
      [1000, 1000, 1],
    )
  })

  it('warns of each record that can not be read, once', async () => {
    await db.sublevel('numbers').put('d', '{')
    for (let turn = 0; turn < 3; turn++) await Array.fromAsync(records.entries())
    await records.find('b')
    assert.deepEqual(
      log.lines,
      Array.from({ length: 2 }, () => 'warn stored record unreadable'),
    )
  })

  it('makes changes all or none', async () => {
    const impossible = { ...records.putting('d', {}), key: undefined as unknown as string }
    await assert.rejects(async () => records.write(records.removing('a'), impossible))
    assert.equal(await records.find('a'), 1)
  })
})
