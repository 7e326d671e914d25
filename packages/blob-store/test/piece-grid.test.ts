import assert from 'node:assert/strict'
import { PieceGrid } from '../src/piece-grid.ts'

describe('PieceGrid', () => {
  it('cuts a range at the borders of the pieces', () => {
    const slices = [...new PieceGrid(25, 10).slices({ start: 3, end: 25 })]
    assert.deepEqual(slices, [
      { index: 0, start: 3, end: 10 },
      { index: 1, start: 10, end: 20 },
      { index: 2, start: 20, end: 25 },
    ])
  })

  it('gives no slice for an empty range', () => {
    assert.deepEqual([...new PieceGrid(25, 10).slices({ start: 10, end: 10 })], [])
  })

  it('has a last piece that begins at a border when the size is a multiple', () => {
    const grid = new PieceGrid(20, 10)
    assert.deepEqual([grid.count, grid.lastStart, grid.endOf(1)], [2, 10, 20])
  })

  it('has no pieces for an empty blob', () => {
    const grid = new PieceGrid(0, 10)
    assert.deepEqual([grid.count, grid.lastStart], [0, 0])
  })
})
