import assert from 'node:assert/strict'
import { mkdir, readdir, rm, stat, truncate, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { digestOf } from '@layermesh/oci'
import { ManualClock, createTempDir, type TempDir } from '@layermesh/testkit'
import { DataLayout } from '../src/data-layout.ts'
import { systemDisk } from '../src/disk.ts'
import type { FillFiles } from '../src/fill-files.ts'
import { encodeJournalHeader, encodeJournalPiece, JOURNAL_HEADER_BYTES } from '../src/fill-journal-format.ts'
import { sortLeftoverFills } from '../src/leftover-fills.ts'
import { PausedFills } from '../src/paused-fills.ts'
import { createRecordingLog } from './support/recording-log.ts'

const digest = digestOf(Buffer.from('blob'))
const blob = { digest, sizeBytes: 95_000, pieceBytes: 10_000 }

describe('sortLeftoverFills', () => {
  let dir: TempDir
  let layout: DataLayout
  let clock: ManualClock
  const log = createRecordingLog()

  beforeEach(async () => {
    dir = await createTempDir()
    layout = new DataLayout(dir.path)
    clock = new ManualClock()
    await mkdir(layout.fills, { recursive: true })
  })
  afterEach(() => dir[Symbol.asyncDispose]())

  /** Leaves a fill behind whose journal has `pieces` records; they needn't be true. */
  async function leave(pieces: number, about = blob): Promise<FillFiles> {
    const files = layout.newFillFiles(about.digest)
    const header = encodeJournalHeader(about)
    const records = Array.from({ length: pieces }, (_, index) =>
      encodeJournalPiece(header, { index, hash: Buffer.alloc(32) }),
    )
    await writeFile(files.journal, Buffer.concat([header, ...records]))
    await writeFile(files.part, Buffer.alloc(pieces * about.pieceBytes))
    return files
  }

  async function sorted(): Promise<PausedFills> {
    const paused = new PausedFills({ disk: systemDisk, log })
    await sortLeftoverFills({ log, clock, disk: systemDisk, layout, paused })
    return paused
  }

  it('keeps what can be resumed, with what it occupies and when it was last written', async () => {
    const files = await leave(3)
    const at = new Date(clock.now() - 60_000)
    for (const path of [files.part, files.journal]) await utimes(path, at, at)
    const { blocks } = await stat(files.part)
    assert.deepEqual(
      [...(await sorted()).list()],
      [
        {
          digest,
          blob,
          files,
          pieces: 3,
          sizeBytes: Math.max(blocks * 512, 30_000),
          pausedAtMs: at.getTime(),
        },
      ],
    )
  })

  it('takes one that was written in the future for one of now', async () => {
    const files = await leave(1)
    const at = new Date(clock.now() + 60_000)
    await utimes(files.part, at, at)
    const [kept] = (await sorted()).list()
    assert.equal(kept?.pausedAtMs, clock.now())
  })

  it('keeps the one with the most pieces of several of a blob', async () => {
    for (const pieces of [2, 4, 3]) await leave(pieces)
    const [kept] = (await sorted()).list()
    assert.equal(kept?.pieces, 4)
    assert.equal((await readdir(layout.fills)).length, 2)
  })

  const useless: Record<string, () => Promise<unknown>> = {
    'data without a journal': async () => rm((await leave(2)).journal),
    'a journal without data': async () => rm((await leave(2)).part),
    'a journal that is empty': async () => truncate((await leave(2)).journal, 0),
    'a journal with half a header': async () => truncate((await leave(2)).journal, JOURNAL_HEADER_BYTES - 1),
    'a journal with half a record': async () => truncate((await leave(1)).journal, JOURNAL_HEADER_BYTES + 20),
    'a journal of another version': async () => {
      const { journal } = await leave(2)
      await writeFile(journal, Buffer.concat([Buffer.from('lmfill\0\x02'), Buffer.alloc(300)]))
    },
    'a journal that is a folder': async () => {
      const { journal } = await leave(2)
      await rm(journal)
      await mkdir(journal)
    },
    'a file of another name': () => writeFile(join(layout.fills, 'sha256-abc'), ''),
    'a folder': () => mkdir(join(layout.fills, 'folder/in/folder'), { recursive: true }),
  }
  for (const [name, create] of Object.entries(useless)) {
    it(`removes ${name}`, async () => {
      await create()
      assert.deepEqual([...(await sorted()).list()], [])
      assert.deepEqual(await readdir(layout.fills), [])
    })
  }

  it('says how many are kept, how many not, and how many of these another version has written', async () => {
    const lines: object[] = []
    await leave(2)
    await leave(3)
    await leave(1, { ...blob, digest: digestOf(Buffer.from('other')) })
    await useless['a journal of another version']!()
    await useless['a file of another name']!()
    const recording = { ...log, info: (fields: object) => void lines.push(fields) }
    const paused = new PausedFills({ disk: systemDisk, log })
    await sortLeftoverFills({ log: recording, clock, disk: systemDisk, layout, paused })
    assert.deepEqual(lines, [{ kept: 2, removed: 3, otherVersions: 1 }])
  })
})
