import assert from 'node:assert/strict'
import { pipe } from 'it-pipe'
import { exactLength } from '../src/exact-length.ts'
import { byteSource, textOf } from './support/byte-source.ts'

const wrongLength = (receivedBytes: number) => new RangeError(`${receivedBytes}`)

describe('exactLength', () => {
  it('passes a source of the right length on', async () => {
    assert.equal(await textOf(pipe(byteSource('ab', '', 'cde'), exactLength(5, wrongLength))), 'abcde')
    assert.equal(await textOf(pipe(byteSource(), exactLength(0, wrongLength))), '')
  })

  it('throws when the source ends before', async () => {
    await assert.rejects(textOf(pipe(byteSource('abc'), exactLength(5, wrongLength))), new RangeError('3'))
  })

  it('throws when the source goes on, and never yields more', async () => {
    const source = byteSource('abc', 'def', 'ghi')
    const received: string[] = []
    await assert.rejects(async () => {
      for await (const chunk of pipe(source, exactLength(5, wrongLength))) received.push(chunk.toString())
    }, new RangeError('6'))
    assert.equal(received.join(''), 'abc')
    assert.equal(source.closed, true)
  })

  it('throws when more comes after the last byte', async () => {
    await assert.rejects(
      textOf(pipe(byteSource('abc', 'd'), exactLength(3, wrongLength))),
      new RangeError('4'),
    )
  })
})
