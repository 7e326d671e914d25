import assert from 'node:assert/strict'

import { seededRandom } from '@layermesh/testkit'
import fc from 'fast-check'

import { shuffled } from '../src/shuffled.ts'

describe('shuffled', () => {
  it('keeps every item, and leaves its argument as it was', () => {
    fc.assert(
      fc.property(fc.array(fc.integer()), fc.integer({ min: 0, max: 2 ** 31 }), (items, seed) => {
        const before = [...items]
        assert.deepEqual(shuffled(items, seededRandom(seed)).toSorted(), before.toSorted())
        assert.deepEqual(items, before)
      }),
    )
  })

  it('puts each item first about equally often', () => {
    const random = seededRandom(1)
    const counts = new Map<string, number>()
    for (let round = 0; round < 3000; round += 1) {
      const [first = ''] = shuffled(['a', 'b', 'c'], random)
      counts.set(first, (counts.get(first) ?? 0) + 1)
    }
    for (const count of counts.values()) assert.ok(count > 900 && count < 1100, `${count} of 3000`)
  })
})
