import assert from 'node:assert/strict'
import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { digestOf } from '@layermesh/oci'
import { createTempDir, type TempDir } from '@layermesh/testkit'
import { systemDisk } from '../src/disk.ts'
import { decodeJournal, JOURNAL_HEADER_BYTES, JOURNAL_PIECE_BYTES } from '../src/fill-journal-format.ts'
import { FillJournal } from '../src/fill-journal.ts'
import { refusingWrites } from './support/fill-on-disk.ts'
import { createRecordingLog } from './support/recording-log.ts'

const blob = { digest: digestOf(Buffer.from('blob')), sizeBytes: 1000, pieceBytes: 10 }
const hash = Buffer.alloc(32, 7)

describe('FillJournal', () => {
  let dir: TempDir
  let path: string

  beforeEach(async () => {
    dir = await createTempDir()
    path = join(dir.path, 'journal')
  })
  afterEach(() => dir[Symbol.asyncDispose]())

  /** A journal on a disk that refuses the writes after the first `allowedWrites`, and counts them. */
  function journalOn(allowedWrites = Infinity) {
    const log = createRecordingLog()
    const points: string[] = []
    const disk = {
      ...systemDisk,
      open: async (name: string, flags: string, mode?: number) =>
        refusingWrites(allowedWrites)(await systemDisk.open(name, flags, mode)),
    }
    const deps = { log, disk, faultHook: (point: string) => void points.push(point) }
    return { journal: new FillJournal(deps, path, blob), log, points }
  }
  const indexesIn = async () => decodeJournal(await readFile(path))?.pieces.map(({ index }) => index)

  it('creates no file before the first piece', async () => {
    const { journal } = journalOn()
    assert.equal(await journal.close(), 0)
    assert.deepEqual(await readdir(dir.path), [])
  })

  it('writes the records that have gathered at once, in their order', async () => {
    const { journal, points } = journalOn()
    for (let index = 99; index >= 0; index--) journal.append({ index, hash })
    assert.equal(await journal.close(), 100)
    assert.deepEqual(
      await indexesIn(),
      Array.from({ length: 100 }, (_, turn) => 99 - turn),
    )
    assert.equal(points.filter((point) => point === 'piece-journaled').length, 2)
  })

  it('goes on at the end of one that was opened', async () => {
    const { journal } = journalOn()
    journal.append({ index: 1, hash })
    await journal.close()
    const handle = await systemDisk.open(path, 'r+')
    const opened = { handle, endBytes: JOURNAL_HEADER_BYTES + JOURNAL_PIECE_BYTES, pieces: 1 }
    const deps = { log: createRecordingLog(), disk: systemDisk, faultHook() {} }
    const second = new FillJournal(deps, path, blob, opened)
    second.append({ index: 2, hash })
    assert.equal(await second.close(), 2)
    assert.deepEqual(await indexesIn(), [1, 2])
  })

  it('ends with one warning when the disk refuses it, and keeps what it has', async () => {
    const { journal, log } = journalOn(1)
    journal.append({ index: 0, hash })
    journal.append({ index: 1, hash })
    journal.append({ index: 2, hash })
    assert.equal(await journal.close(), 1)
    assert.deepEqual(await indexesIn(), [0])
    journal.append({ index: 3, hash })
    assert.deepEqual(log.lines, ['warn fill journal stopped'])
  })

  it('ends with one warning when its file can not be created', async () => {
    path = join(dir.path, 'no such folder', 'journal')
    const { journal, log } = journalOn()
    journal.append({ index: 0, hash })
    assert.equal(await journal.close(), 0)
    await journal.discard()
    assert.deepEqual(log.lines, ['warn fill journal stopped'])
  })

  it('removes its file when it is discarded, also in the middle of a write', async () => {
    const { journal } = journalOn()
    for (let index = 0; index < 5; index++) journal.append({ index, hash })
    await journal.discard()
    assert.deepEqual(await readdir(dir.path), [])
  })
})
