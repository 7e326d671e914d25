import assert from 'node:assert/strict'
import fc from 'fast-check'
import { LowestFirst } from '../src/lowest-first.ts'

describe('LowestFirst', () => {
  it('has nothing to give for no values', () => {
    assert.equal(new LowestFirst([]).next(), undefined)
  })

  it('gives each index once, in the order of the values', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ noNaN: true }), { maxLength: 200 }), (values) => {
        const order = new LowestFirst(values)
        const indices = values.map(() => order.next() ?? -1)
        assert.equal(order.next(), undefined)
        assert.equal(new Set(indices).size, values.length)
        const ordered = indices.map((index) => values[index]!)
        assert.ok(ordered.every((value, index) => index === 0 || value >= ordered[index - 1]!))
      }),
    )
  })
})
