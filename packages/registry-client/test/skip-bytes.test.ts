import assert from 'node:assert/strict'
import { pipe } from 'it-pipe'
import { skipBytes } from '../src/skip-bytes.ts'
import { byteSource, textOf } from './support/byte-source.ts'

describe('skipBytes', () => {
  for (const [count, expected] of [
    [0, 'abcdefg'],
    [1, 'bcdefg'],
    [3, 'defg'],
    [5, 'fg'],
    [7, ''],
    [9, ''],
  ] as const) {
    it(`swallows ${count} bytes across chunks`, async () => {
      assert.equal(await textOf(pipe(byteSource('abc', 'defg'), skipBytes(count))), expected)
    })
  }
})
