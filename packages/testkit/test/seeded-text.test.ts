import assert from 'node:assert/strict'
import { gzipSync } from 'node:zlib'

import { seededText } from '../src/seeded-text.ts'

describe('seededText', () => {
  it('is the same for the same seed and size, and of exactly that size', () => {
    assert.deepEqual(seededText('a', 1001), seededText('a', 1001))
    assert.equal(seededText('a', 1001).length, 1001)
    assert.equal(seededText('a', 0).length, 0)
    assert.notDeepEqual(seededText('a', 1001), seededText('b', 1001))
  })

  it('compresses to about a third', () => {
    const text = seededText('a', 1_000_000)
    const part = gzipSync(text).length / text.length
    assert.ok(part > 0.27 && part < 0.37, `${part}`)
  })
})
