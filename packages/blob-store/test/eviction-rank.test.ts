import assert from 'node:assert/strict'
import { digestOf } from '@layermesh/oci'
import { evictionRankOf } from '../src/eviction-rank.ts'

const digests = Array.from({ length: 2000 }, (_, index) => digestOf(Buffer.from(`blob ${index}`)))

describe('evictionRankOf', () => {
  it('gives the same rank again', () => {
    assert.deepEqual(digests.map(evictionRankOf('a')), digests.map(evictionRankOf('a')))
  })

  it('spreads the ranks of a node evenly from 0 to below 1', () => {
    const counts = new Array<number>(10).fill(0)
    for (const rank of digests.map(evictionRankOf('node-1'))) counts[Math.floor(rank * 10)]! += 1
    for (const count of counts) assert.ok(count > 140 && count < 260, `${count} of 2000 ranks in a tenth`)
  })

  it('gives two nodes unrelated ranks', () => {
    const other = evictionRankOf('node-2')
    const ranks = digests.map((digest) => ({ a: evictionRankOf('node-1')(digest), b: other(digest) }))
    const firstIsLower = ranks.filter(({ a, b }) => a < b).length
    const bothLow = ranks.filter(({ a, b }) => a < 0.5 && b < 0.5).length
    assert.ok(firstIsLower > 900 && firstIsLower < 1100, `${firstIsLower} of 2000`)
    assert.ok(bothLow > 420 && bothLow < 580, `${bothLow} of 2000`)
  })
})
