import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { open, readdir, rm, stat, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { type BlobStore, type ByteRange, type Fill } from '@layermesh/interface'
import { digestOf } from '@layermesh/oci'
import { expectNoLeaks, seededBytes, takeResourceSnapshot, type ResourceSnapshot } from '@layermesh/testkit'
import { systemDisk } from '../src/disk.ts'
import { fillFilesOf, type FillFiles } from '../src/fill-files.ts'
import {
  assertNoFillFiles,
  fillMissing,
  isPending,
  putBlob,
  readAll,
  readBlob,
} from './support/blob-actions.ts'
import { openTempStorage, type TempStorage } from './support/temp-storage.ts'

const MiB = 1024 * 1024
/** Four pieces. */
const bytes = seededBytes('resumed', 3 * MiB + 17)
const digest = digestOf(bytes)
const paused = new Error('paused')

describe('a fill that is resumed', () => {
  let before: ResourceSnapshot
  let temp: TempStorage
  let blobs: BlobStore

  beforeEach(async () => {
    before = await takeResourceSnapshot()
    temp = await openTempStorage()
    blobs = temp.current.blobs
  })
  afterEach(async () => {
    await temp[Symbol.asyncDispose]()
    await expectNoLeaks(before)
  })

  const start = () => blobs.startFill(digest, bytes.length)
  const rangeOf = (index: number): ByteRange => ({
    start: index * MiB,
    end: Math.min((index + 1) * MiB, bytes.length),
  })

  async function writePieces(fill: Fill, indexes: readonly number[]): Promise<void> {
    for (const { start: from, end } of indexes.map(rangeOf)) await fill.write(from, bytes.subarray(from, end))
  }

  /** Pauses a fill once it has these pieces; returns its files. */
  async function pauseWith(...indexes: readonly number[]): Promise<FillFiles> {
    const fill = await start()
    await writePieces(fill, indexes)
    await fill.pause(paused)
    return leftFiles()
  }

  async function leftFiles(): Promise<FillFiles> {
    const names = await readdir(temp.layout.fills)
    const part = names.find((name) => name.endsWith('.part')) ?? assert.fail('nothing is left')
    const files = fillFilesOf(join(temp.layout.fills, part.replace(/\.part$/, '')))
    assert.deepEqual(names.length, 2)
    return files
  }

  async function reopenAfter(meanwhile?: () => Promise<void>): Promise<void> {
    blobs = (await temp.reopen(meanwhile)).blobs
  }

  const piecesOf = (fill: Fill) => [0, 1, 2, 3].filter((index) => fill.pieceHash(index) !== undefined)

  /** Finishes a fill and checks that it has these pieces and asks for no byte of them. */
  async function finish(fill: Fill, ...pieces: readonly number[]): Promise<void> {
    assert.deepEqual(piecesOf(fill), pieces)
    const known = pieces.map(rangeOf).reduce((sum, range) => sum + range.end - range.start, 0)
    assert.equal(await fillMissing(fill, bytes), bytes.length - known)
    await fill.commit()
    assert.ok(bytes.equals(await readBlob(blobs, digest)))
    const { hashes } = await blobs.pieceTable(digest)
    for (const [index, hash] of hashes.entries()) {
      const { start: from, end } = rangeOf(index)
      assert.ok(createHash('sha256').update(bytes.subarray(from, end)).digest().equals(hash))
    }
    await assertNoFillFiles(temp.layout)
  }

  it('goes on from the pieces that were complete, in the same process', async () => {
    await pauseWith(0, 2)
    const fill = await start()
    assert.deepEqual(fill.firstMissing(), { start: MiB, end: 2 * MiB })
    assert.equal(fill.exposed, false)
    await finish(fill, 0, 2)
  })

  it('goes on from them after a restart', async () => {
    await pauseWith(2, 0)
    await reopenAfter()
    await finish(await start(), 0, 2)
    assert.ok(temp.log.lines.includes('info unfinished fills found'))
  })

  it('does not keep the bytes of a piece that was not complete', async () => {
    const fill = await start()
    await fill.write(0, bytes.subarray(0, MiB + 5))
    await fill.pause(paused)
    await reopenAfter()
    await finish(await start(), 0)
  })

  it('can be paused again and again', async () => {
    await pauseWith(3)
    await pauseWith(1)
    await reopenAfter()
    await pauseWith(0)
    await finish(await start(), 0, 1, 3)
  })

  it('holds back the last piece, as any fill, when nothing is missing', async () => {
    await pauseWith(0, 1, 2, 3)
    const fill = await start()
    assert.equal(fill.firstMissing(), undefined)
    await using handle = fill.open()
    assert.ok(bytes.subarray(0, 3 * MiB).equals(await readAll(handle, { start: 0, end: 3 * MiB })))
    const tail = readAll(handle, { start: 3 * MiB, end: bytes.length })
    assert.ok(await isPending(tail))
    await finish(fill, 0, 1, 2, 3)
    assert.ok(bytes.subarray(3 * MiB).equals(await tail))
  })

  it('fetches only the piece again whose bytes have changed', async () => {
    const { part } = await pauseWith(0, 1, 2)
    await reopenAfter(async () => {
      await using file = await open(part, 'r+')
      await file.write(Buffer.of(bytes[MiB + 5]! ^ 1), 0, 1, MiB + 5)
    })
    await finish(await start(), 0, 2)
  })

  it('fetches the pieces again that a power cut has taken, though the journal has them', async () => {
    const { part } = await pauseWith(0, 1, 2)
    await reopenAfter(async () => {
      await truncate(part, MiB)
      await truncate(part, 3 * MiB)
    })
    await finish(await start(), 0)
  })

  it('begins anew when nothing of it is as the journal says', async () => {
    const { part } = await pauseWith(0, 1)
    await reopenAfter(() => truncate(part, 5))
    await finish(await start())
  })

  it('begins anew when its file is gone', async () => {
    const { part } = await pauseWith(0, 1)
    await rm(part)
    await finish(await start())
    assert.ok(temp.log.lines.includes('warn fill not resumed'))
  })

  it('fetches the pieces again whose records are torn, and can be paused again', async () => {
    const { journal } = await pauseWith(0, 1, 2)
    const { size } = await stat(journal)
    await reopenAfter(() => truncate(journal, size - 45))
    await pauseWith(2)
    await finish(await start(), 0, 2)
  })

  it('is dropped when the blob has another size', async () => {
    await pauseWith(0, 1)
    const fill = await blobs.startFill(digest, bytes.length + 1)
    assert.deepEqual(fill.firstMissing(), { start: 0, end: bytes.length + 1 })
    await fill.fail(new Error('over'))
    await assertNoFillFiles(temp.layout)
  })

  it('is taken by one of two that come at once', async () => {
    await pauseWith(0, 1)
    const fills = await Promise.all([start(), start()])
    assert.deepEqual(fills.map((fill) => piecesOf(fill).length).toSorted(), [0, 2])
    assert.equal((await readdir(temp.layout.fills)).filter((name) => name.endsWith('.part')).length, 2)
    for (const fill of fills) await finishEither(fill)
    assert.ok(bytes.equals(await readBlob(blobs, digest)))
    await assertNoFillFiles(temp.layout)
  })

  async function finishEither(fill: Fill): Promise<void> {
    await fillMissing(fill, bytes)
    await fill.commit()
  }

  it('is dropped when another fill has committed the blob, before or after the pause', async () => {
    const [first, second, third] = [await start(), await start(), await start()]
    await writePieces(first, [0])
    await writePieces(third, [0])
    await first.pause(paused)
    await finishEither(second)
    await third.pause(paused)
    await assertNoFillFiles(temp.layout)
  })

  it('leaves the better of two when both are paused', async () => {
    const fills = [await start(), await start()]
    await writePieces(fills[0]!, [0, 1])
    await writePieces(fills[1]!, [3])
    for (const fill of fills) await fill.pause(paused)
    await leftFiles()
    await finish(await start(), 0, 1)
  })

  it('leaves nothing that could be resumed when its bytes turn out wrong', async () => {
    const wrong = await blobs.startFill(digestOf(Buffer.from('other')), bytes.length)
    await writePieces(wrong, [0, 1])
    await wrong.pause(paused)
    const resumed = await blobs.startFill(wrong.digest, bytes.length)
    assert.deepEqual(piecesOf(resumed), [0, 1])
    await fillMissing(resumed, bytes)
    await assert.rejects(resumed.commit(), { code: 'ERR_BLOB_CORRUPT' })
    await assertNoFillFiles(temp.layout)
  })

  it('leaves nothing when it fails', async () => {
    await pauseWith(0, 1)
    await (await start()).fail(new Error('over'))
    await assertNoFillFiles(temp.layout)
    await finish(await start())
  })

  it('needs a complete piece of several', async () => {
    const small = Buffer.from('one piece')
    const fills = [await start(), await blobs.startFill(digestOf(small), small.length)]
    await fills[0]!.write(0, bytes.subarray(0, MiB - 1))
    await fills[1]!.write(0, small)
    for (const fill of fills) await fill.pause(paused)
    await assertNoFillFiles(temp.layout)
  })

  it('lets a handle of before the pause read on while others are fetched', async () => {
    const fill = await start()
    await using handle = fill.open()
    await writePieces(fill, [0])
    await fill.pause(paused)
    await finish(await start(), 0)
    assert.ok(bytes.subarray(0, MiB).equals(await readAll(handle, { start: 0, end: MiB })))
    await assert.rejects(readAll(handle, { start: 0, end: MiB + 1 }), (error) => error === paused)
  })
})

describe('a fill whose journal the disk refuses', () => {
  it('is committed all the same, and leaves nothing when it is paused', async () => {
    const disk = {
      ...systemDisk,
      open: (path: string, flags: string, mode?: number) =>
        path.endsWith('.journal')
          ? Promise.reject(Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' }))
          : systemDisk.open(path, flags, mode),
    }
    await using temp = await openTempStorage({ disk })
    const { blobs } = temp.current
    const fill = await blobs.startFill(digest, bytes.length)
    await fill.write(0, bytes.subarray(0, 2 * MiB))
    await fill.pause(paused)
    await assertNoFillFiles(temp.layout)
    await putBlob(blobs, bytes)
    assert.ok(bytes.equals(await readBlob(blobs, digest)))
    assert.deepEqual(
      temp.log.lines.filter((line) => line.startsWith('warn')),
      ['warn fill journal stopped', 'warn fill journal stopped'],
    )
  })
})
