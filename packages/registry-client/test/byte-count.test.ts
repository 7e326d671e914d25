import assert from 'node:assert/strict'
import { parseByteCount } from '../src/byte-count.ts'

describe('parseByteCount', () => {
  it('reads digits', () => {
    assert.equal(parseByteCount('0'), 0)
    assert.equal(parseByteCount('4194304'), 4_194_304)
  })

  it('is undefined for anything else', () => {
    for (const text of [undefined, '', ' 1', '-1', '+1', '1.5', '1e3', '0x10', '5, 5', '9'.repeat(16)]) {
      assert.equal(parseByteCount(text), undefined, text)
    }
  })
})
