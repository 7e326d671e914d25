import assert from 'node:assert/strict'
import { closeOnReturn } from '../src/close-on-return.ts'
import { byteSource, textOf } from './support/byte-source.ts'

describe('closeOnReturn', () => {
  it('closes when the reader goes away before the first chunk', async () => {
    let closes = 0
    const iterator = closeOnReturn(byteSource('a'), () => (closes += 1))[Symbol.asyncIterator]()
    assert.deepEqual(await iterator.return?.(), { done: true, value: undefined })
    assert.equal(closes, 1)
  })

  it('closes and ends the source when the reader goes away in the middle', async () => {
    const source = byteSource('a', 'b')
    let closes = 0
    const iterator = closeOnReturn(source, () => (closes += 1))[Symbol.asyncIterator]()
    await iterator.next()
    await iterator.return?.()
    assert.equal(closes, 1)
    assert.equal(source.closed, true)
  })

  it('ends a read that waits, when closing makes the source reject', async () => {
    const silence = Promise.withResolvers<Uint8Array>()
    async function* silent() {
      yield await silence.promise
    }
    const iterator = closeOnReturn(silent(), () => silence.reject(new Error('cut')))[Symbol.asyncIterator]()
    const next = iterator.next()
    await Promise.all([assert.rejects(next, new Error('cut')), iterator.return?.()])
  })

  it('closes nothing when all has been read', async () => {
    let closes = 0
    assert.equal(await textOf(closeOnReturn(byteSource('a', 'b'), () => (closes += 1))), 'ab')
    assert.equal(closes, 0)
  })
})
