import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { DataDirError } from '@layermesh/interface'
import { createTempDir, ManualClock, type TempDir } from '@layermesh/testkit'
import { Level } from 'level'
import { DataLayout } from '../src/data-layout.ts'
import type { MigrationPoint } from '../src/fault-point.ts'
import { createFolder } from '../src/folders.ts'
import { systemDisk } from '../src/disk.ts'
import { migrateIndex } from '../src/migrate-index.ts'
import { MIGRATIONS, type Migration } from '../src/migrations.ts'
import { openStorageDatabase } from '../src/storage-database.ts'
import { createRecordingLog, type RecordingLog } from './support/recording-log.ts'
import { NUMBERS, TEST_MIGRATIONS } from './support/test-migrations.ts'

describe('migrateIndex', () => {
  let dir: TempDir
  let layout: DataLayout
  let db: Level
  let log: RecordingLog

  beforeEach(async () => {
    dir = await createTempDir()
    layout = new DataLayout(dir.path)
    await createFolder(systemDisk, layout.root)
    log = createRecordingLog()
    db = new Level(layout.index)
  })
  afterEach(async () => {
    await db.close()
    await dir[Symbol.asyncDispose]()
  })

  const schema = () => db.sublevel('meta').get('schema')
  const migrate = (migrations: readonly Migration[], points: MigrationPoint[] = []) =>
    migrateIndex({ log, db, faultHook: (point) => void points.push(point as MigrationPoint) }, migrations)

  /** An index as it was before there were schema numbers. */
  async function putNumbers(): Promise<void> {
    const numbers = db.sublevel('numbers')
    await numbers.batch(NUMBERS.map((number) => ({ type: 'put', key: number, value: number })))
  }

  async function assertMigrated(): Promise<void> {
    assert.equal(await schema(), '4')
    assert.deepEqual(await db.sublevel('numbers').keys().all(), [])
    assert.deepEqual(
      await db.sublevel('doubles').iterator().all(),
      NUMBERS.map((number) => [number, String(2 * Number(number))]),
    )
  }

  it('gives an empty index the newest number, without any step', async () => {
    const points: MigrationPoint[] = []
    await migrate(TEST_MIGRATIONS, points)
    assert.equal(await schema(), '4')
    assert.deepEqual(points, [])
  })

  it('takes an index without a number through all steps, each batch as a whole', async () => {
    await putNumbers()
    const points: MigrationPoint[] = []
    await migrate(TEST_MIGRATIONS, points)
    await assertMigrated()
    assert.deepEqual(points, [
      'migration-step-written',
      'migration-batch-written',
      'migration-batch-written',
      'migration-batch-written',
      'migration-step-written',
      'migration-step-written',
    ])
    assert.deepEqual(
      log.lines,
      Array.from({ length: 3 }, () => 'info index migrated'),
    )
  })

  it('takes it on from where it is, and does nothing to one that is of the newest schema', async () => {
    await putNumbers()
    await migrate(TEST_MIGRATIONS.slice(0, 2))
    assert.equal(await schema(), '3')
    assert.equal((await db.sublevel('numbers').keys().all()).length, NUMBERS.length)
    await migrate(TEST_MIGRATIONS)
    await assertMigrated()
    const points: MigrationPoint[] = []
    await migrate(TEST_MIGRATIONS, points)
    await assertMigrated()
    assert.deepEqual(points, [])
  })

  it('rejects with ERR_DATA_DIR when the schema is newer, and says what to do', async () => {
    await migrate(TEST_MIGRATIONS)
    await assert.rejects(migrate(MIGRATIONS), (error) => {
      assert.ok(error instanceof DataDirError)
      assert.match(error.message, /^the index .+ has schema 4, this layermesh knows those up to 2: .+ use /)
      assert.ok(error.message.includes(dir.path) && !error.message.includes('\n'))
      return true
    })
    assert.equal(await schema(), '4')
  })

  for (const value of ['', '0', '-1', '1.5', 'two']) {
    it(`rejects with another error when the schema is ${JSON.stringify(value)}`, async () => {
      await db.sublevel('meta').put('schema', value)
      await assert.rejects(migrate(MIGRATIONS), /is no number of a schema/)
    })
  }

  describe('after SIGKILL', () => {
    async function crashAt(point: MigrationPoint, count: number): Promise<void> {
      await db.close()
      const script = join(import.meta.dirname, 'support/crash-migration.ts')
      const child = spawn(process.execPath, [script, dir.path, point, String(count)], { stdio: 'inherit' })
      const [, signal] = (await once(child, 'exit')) as [number | null, string | null]
      assert.equal(signal, 'SIGKILL')
      await db.open()
    }

    /** The schema that is found after each point. */
    const crashes: readonly (readonly [point: MigrationPoint, count: number, schema: string])[] = [
      ['migration-step-written', 1, '2'],
      ['migration-batch-written', 1, '2'],
      ['migration-batch-written', 3, '2'],
      ['migration-step-written', 2, '3'],
      ['migration-step-written', 3, '4'],
    ]
    for (const [point, count, reached] of crashes) {
      it(`at ${point}, number ${count}: has schema ${reached}, and the next start does the rest`, async () => {
        await putNumbers()
        await crashAt(point, count)
        assert.equal(await schema(), reached)
        await db.close()
        const deps = { log, clock: new ManualClock(), nowMs: () => 0, faultHook() {} }
        await (await openStorageDatabase(deps, layout, TEST_MIGRATIONS)).db.close()
        await db.open()
        await assertMigrated()
        assert.ok(!log.lines.some((line) => line.startsWith('warn')))
      })
    }
  })
})
