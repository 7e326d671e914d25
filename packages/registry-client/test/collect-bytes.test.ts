import assert from 'node:assert/strict'
import { pipe } from 'it-pipe'
import { collectBytes } from '../src/collect-bytes.ts'
import { byteSource } from './support/byte-source.ts'

const tooMany = () => new RangeError('too many')

describe('collectBytes', () => {
  it('joins all chunks', async () => {
    const bytes = await pipe(byteSource('ab', '', 'cde'), collectBytes(5, tooMany))
    assert.equal(Buffer.from(bytes).toString(), 'abcde')
  })

  it('throws and closes its source when there are more bytes than allowed', async () => {
    const source = byteSource('abc', 'def', 'ghi')
    await assert.rejects(pipe(source, collectBytes(5, tooMany)), new RangeError('too many'))
    assert.equal(source.closed, true)
  })
})
