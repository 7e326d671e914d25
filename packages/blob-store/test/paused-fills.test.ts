import assert from 'node:assert/strict'
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { digestOf } from '@layermesh/oci'
import { createTempDir, type TempDir } from '@layermesh/testkit'
import { systemDisk } from '../src/disk.ts'
import { fillFilesOf } from '../src/fill-files.ts'
import { occupiedBytes, PausedFills, type PausedFill } from '../src/paused-fills.ts'
import { createRecordingLog } from './support/recording-log.ts'

const digest = digestOf(Buffer.from('blob'))
const blob = { digest, sizeBytes: 95, pieceBytes: 10 }

describe('PausedFills', () => {
  let dir: TempDir
  let paused: PausedFills

  beforeEach(async () => {
    dir = await createTempDir()
    paused = new PausedFills({ disk: systemDisk, log: createRecordingLog() })
  })
  afterEach(() => dir[Symbol.asyncDispose]())

  async function createFill(name: string, pieces: number): Promise<PausedFill> {
    const files = fillFilesOf(join(dir.path, name))
    for (const path of [files.part, files.journal]) await writeFile(path, '')
    return { digest, blob, files, pieces, sizeBytes: 4096, pausedAtMs: 0 }
  }

  it('hands a fill over once', async () => {
    const fill = await createFill('a', 1)
    await paused.add(fill)
    assert.deepEqual([...paused.list()], [fill])
    const taken = await Promise.all([paused.take(blob), paused.take(blob)])
    assert.deepEqual(taken, [fill, undefined])
    assert.deepEqual([...paused.list()], [])
    assert.deepEqual(await readdir(dir.path), ['a.journal', 'a.part'])
  })

  for (const order of [
    [2, 3],
    [3, 2],
  ] as const) {
    it(`keeps the one with more pieces when ${order.join(' and then ')} come`, async () => {
      for (const pieces of order) await paused.add(await createFill(`with-${pieces}`, pieces))
      assert.deepEqual(
        paused
          .list()
          .map(({ pieces }) => pieces)
          .toArray(),
        [3],
      )
      assert.deepEqual(await readdir(dir.path), ['with-3.journal', 'with-3.part'])
    })
  }

  it('drops a fill of another size, or with pieces of another size', async () => {
    for (const other of [
      { ...blob, sizeBytes: 96 },
      { ...blob, pieceBytes: 20 },
    ]) {
      await paused.add(await createFill('a', 1))
      assert.equal(await paused.take(other), undefined)
      assert.deepEqual([...paused.list()], [])
      assert.deepEqual(await readdir(dir.path), [])
    }
  })

  it('drops a fill with its files, and does nothing when there is none', async () => {
    await paused.add(await createFill('a', 1))
    await paused.drop(digest)
    await paused.drop(digest)
    assert.equal(await paused.take(blob), undefined)
    assert.deepEqual(await readdir(dir.path), [])
  })

  it('says in the log that files can not be removed, and does not reject', async () => {
    const log = createRecordingLog()
    const disk = { ...systemDisk, remove: () => Promise.reject(new Error('EROFS')) }
    paused = new PausedFills({ disk, log })
    await paused.add(await createFill('a', 1))
    await paused.drop(digest)
    assert.deepEqual([...paused.list()], [])
    assert.deepEqual(log.lines, ['warn fill not cleaned up'])
  })
})

describe('occupiedBytes', () => {
  const statOf = (blocks: number) => ({ size: 95, mtimeMs: 0, blocks, isDirectory: () => false })

  it('is what the blocks say', () => {
    assert.equal(occupiedBytes(statOf(8), blob, 2), 4096)
  })

  it('is the complete pieces when the blocks are not counted yet', () => {
    assert.equal(occupiedBytes(statOf(0), blob, 2), 20)
    assert.equal(occupiedBytes(statOf(0), blob, 10), 95)
  })
})
