import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { createVerifyDisplay, progressText } from '../../src/cache/verify-progress.ts'

const MIB = 2 ** 20
const PROGRESS = { done: false, blobs: 1, bytes: MIB, totalBlobs: 3, totalBytes: 3 * MIB, damaged: [] }

describe('createVerifyDisplay', () => {
  /** What is written to a stream that says of itself what `facts` are. */
  function writtenTo(facts: { readonly isTTY: boolean; readonly columns?: number }): string {
    const screen = { cursorTo: () => true, clearLine: () => true, moveCursor: () => true }
    const stream = Object.assign(new PassThrough({ encoding: 'utf8' }), screen, facts)
    using display = createVerifyDisplay(stream as unknown as NodeJS.WriteStream)
    display.show(PROGRESS)
    return String(stream.read() ?? '')
  }

  it('writes to a screen', () => assert.match(writtenTo({ isTTY: true, columns: 80 }), /verifying/))

  it('writes nothing to a file', () => assert.equal(writtenTo({ isTTY: false }), ''))

  it('writes nothing to a terminal without a screen', () => {
    assert.equal(writtenTo({ isTTY: true, columns: 0 }), '')
  })
})

describe('progressText', () => {
  it('says how far it is', () => {
    assert.equal(progressText(PROGRESS), 'verifying 1.0 MiB of 3.0 MiB (33 %)')
    assert.equal(progressText({ ...PROGRESS, totalBytes: 0, bytes: 0 }), 'verifying 0 B of 0 B (100 %)')
  })

  it('says what was damaged', () => {
    assert.match(progressText({ ...PROGRESS, damaged: ['sha256:0'] }), /, 1 damaged blob$/)
    assert.match(progressText({ ...PROGRESS, damaged: ['sha256:0', 'sha256:1'] }), /, 2 damaged blobs$/)
  })
})
