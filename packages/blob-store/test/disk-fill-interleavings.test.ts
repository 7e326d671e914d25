import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import fc from 'fast-check'
import { createTempDir, seededBytes } from '@layermesh/testkit'
import { PieceGrid } from '../src/piece-grid.ts'
import { readAll } from './support/blob-actions.ts'
import { startFillOnDisk } from './support/fill-on-disk.ts'

/** One thing that happens to a fill: a chunk is written to the piece that `pick` chooses, or a reader comes. */
type Step =
  | { readonly kind: 'write'; readonly pick: number; readonly length: number }
  | { readonly kind: 'read'; readonly from: number; readonly length: number }

const steps = fc.array(
  fc.oneof(
    fc.record({
      kind: fc.constant('write' as const),
      pick: fc.nat(99),
      length: fc.integer({ min: 1, max: 20 }),
    }),
    fc.record({ kind: fc.constant('read' as const), from: fc.nat(99), length: fc.nat(99) }),
  ),
  { maxLength: 30 },
)

describe('DiskFill with writers and readers interleaved', () => {
  it('yields exactly the bytes of each range, and none of the last piece before all others', async () => {
    await using dir = await createTempDir()
    await fc.assert(
      fc.asyncProperty(fc.nat(90), fc.integer({ min: 1, max: 16 }), steps, (sizeBytes, pieceBytes, plan) =>
        fillWith(dir.path, sizeBytes, pieceBytes, plan),
      ),
      { numRuns: 60 },
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
  const writtenEnds = Array.from({ length: grid.count }, (_, index) => grid.startOf(index))
  const { fill, files } = await startFillOnDisk(folder, bytes, {
    pieceBytes,
    publish: async () => {},
  })
  const reads: Promise<void>[] = []

  const writeTo = async (index: number, length: number) => {
    const start = writtenEnds[index]!
    const end = Math.min(start + length, grid.endOf(index))
    writtenEnds[index] = end
    await fill.write(start, bytes.subarray(start, end))
  }
  const read = async (start: number, end: number) => {
    await using handle = fill.open()
    let offset = start
    for await (const chunk of handle.read({ start, end })) {
      assert.ok(bytes.subarray(offset, offset + chunk.length).equals(chunk), `bytes at ${offset}`)
      offset += chunk.length
      const isWhole = incomplete().length === 0
      assert.ok(isWhole || offset <= grid.lastStart, `byte ${offset} before the whole`)
    }
    assert.equal(offset, end)
  }
  const incomplete = () => [...writtenEnds.keys()].filter((index) => writtenEnds[index] !== grid.endOf(index))

  for (const step of plan) {
    if (step.kind === 'read') {
      const start = Math.min(step.from, sizeBytes)
      reads.push(read(start, Math.min(start + step.length, sizeBytes)))
    } else {
      const pieces = incomplete()
      if (pieces.length > 0) await writeTo(pieces[step.pick % pieces.length]!, step.length)
    }
  }
  for (let pieces = incomplete(); pieces.length > 0; pieces = incomplete()) {
    await writeTo(pieces.at(-1)!, pieceBytes)
  }
  await using handle = fill.open()
  const [committed] = await Promise.all([fill.commit(), ...reads])
  assert.equal(committed.sizeBytes, sizeBytes)
  assert.ok(bytes.equals(await readAll(handle)))
  await rm(files.part)
}
