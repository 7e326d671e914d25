import assert from 'node:assert/strict'
import { open, readFile, rm, truncate } from 'node:fs/promises'
import fc from 'fast-check'
import { createTempDir, seededBytes } from '@layermesh/testkit'
import { JOURNAL_HEADER_BYTES, JOURNAL_PIECE_BYTES } from '../src/fill-journal-format.ts'
import { PieceGrid } from '../src/piece-grid.ts'
import { fillMissing, readAll } from './support/blob-actions.ts'
import { startFillOnDisk } from './support/fill-on-disk.ts'

/** One thing that happens to a fill: bytes come for a piece, or it is paused and its files are damaged before it goes on. */
type Step =
  | { readonly kind: 'write'; readonly pick: number; readonly length: number }
  | { readonly kind: 'interrupt'; readonly tornBytes: number; readonly flipAt: number | undefined }

const steps = fc.array(
  fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({
        kind: fc.constant('write' as const),
        pick: fc.nat(99),
        length: fc.integer({ min: 1, max: 20 }),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant('interrupt' as const),
        tornBytes: fc.oneof(fc.constant(0), fc.nat(JOURNAL_PIECE_BYTES * 4)),
        flipAt: fc.option(fc.nat(89), { nil: undefined }),
      }),
    },
  ),
  { maxLength: 30 },
)

describe('DiskFill that is interrupted and resumed', () => {
  it('has exactly the pieces that are in the journal and right on disk, and ends with the right bytes', async () => {
    await using dir = await createTempDir()
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 90 }),
        fc.integer({ min: 1, max: 16 }),
        steps,
        (sizeBytes, pieceBytes, plan) => fillWith(dir.path, sizeBytes, pieceBytes, plan),
      ),
      { numRuns: 100 },
    )
  })
})

async function fillWith(
  folder: string,
  sizeBytes: number,
  pieceBytes: number,
  plan: readonly Step[],
): Promise<void> {
  const bytes = seededBytes(`${sizeBytes}/${pieceBytes}`, sizeBytes)
  const grid = new PieceGrid(sizeBytes, pieceBytes)
  const pieceIndexes = Array.from({ length: grid.count }, (_, index) => index)
  const sliceOf = (content: Uint8Array, index: number) =>
    Buffer.from(content.subarray(grid.startOf(index), grid.endOf(index)))
  const begin = () => startFillOnDisk(folder, bytes, { pieceBytes })

  let started = await begin()
  /** Up to where each piece is written. */
  let ends = pieceIndexes.map((index) => grid.startOf(index))
  /** The pieces that the journal has, in its order. */
  let journaled: number[] = []

  const writeTo = async (index: number, length: number) => {
    const start = ends[index]!
    const end = Math.min(start + length, grid.endOf(index))
    await started.fill.write(start, bytes.subarray(start, end))
    ends[index] = end
    if (end === grid.endOf(index)) journaled.push(index)
  }
  const interrupt = async (tornBytes: number, flipAt: number | undefined) => {
    await started.fill.pause(new Error('paused'))
    const { part, journal } = started.files
    let right: number[] = []
    if (journaled.length > 0) {
      await truncate(
        journal,
        Math.max(0, JOURNAL_HEADER_BYTES + journaled.length * JOURNAL_PIECE_BYTES - tornBytes),
      )
      journaled = journaled.slice(
        0,
        Math.max(0, journaled.length - Math.ceil(tornBytes / JOURNAL_PIECE_BYTES)),
      )
      if (flipAt !== undefined) await flipByte(part, flipAt)
      const content = await readFile(part)
      right = journaled.filter((index) => sliceOf(content, index).equals(sliceOf(bytes, index)))
    }
    if (right.length === 0) journaled = []
    ends = pieceIndexes.map((index) => (right.includes(index) ? grid.endOf(index) : grid.startOf(index)))
    started = await begin()
    for (const index of pieceIndexes) {
      assert.equal(started.fill.pieceHash(index) !== undefined, right.includes(index), `piece ${index}`)
    }
  }

  for (const step of plan) {
    if (step.kind === 'interrupt') {
      await interrupt(step.tornBytes, step.flipAt)
      continue
    }
    const open = pieceIndexes.filter((index) => ends[index] !== grid.endOf(index))
    if (open.length > 0) await writeTo(open[step.pick % open.length]!, step.length)
  }
  const missing = pieceIndexes.reduce((sum, index) => sum + grid.endOf(index) - ends[index]!, 0)
  assert.equal(await fillMissing(started.fill, bytes), missing)
  await using handle = started.fill.open()
  await started.fill.commit()
  assert.ok(bytes.equals(await readAll(handle)))
  await rm(started.files.part)
}

/** Changes a byte of a file that may be shorter. */
async function flipByte(path: string, offset: number): Promise<void> {
  await using file = await open(path, 'r+')
  const byte = Buffer.alloc(1)
  const { bytesRead } = await file.read(byte, 0, 1, offset)
  if (bytesRead === 1) await file.write(Buffer.of(byte[0]! ^ 1), 0, 1, offset)
}
