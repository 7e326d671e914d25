import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { stripVTControlCharacters } from 'node:util'
import { createDemoProgress } from '../../src/demo/demo-progress.ts'

/** A stream that keeps what is written, and can look like a terminal. */
function createStream({ isTTY }: { readonly isTTY: boolean }) {
  const stream = new PassThrough({ encoding: 'utf8' })
  const asTerminal = {
    isTTY,
    columns: 80,
    cursorTo: () => true,
    clearLine: () => true,
    moveCursor: () => true,
  }
  const written = () => stripVTControlCharacters(String(stream.read() ?? ''))
  return { stream: Object.assign(stream, asTerminal) as unknown as NodeJS.WriteStream, written }
}

describe('createDemoProgress', () => {
  describe('for a file', () => {
    it('writes a line for each step, which is there before the step is done', () => {
      const { stream, written } = createStream({ isTTY: false })
      const progress = createDemoProgress(stream)
      progress.begin('making an image')
      progress.advance(0.5)
      assert.equal(written(), 'making an image ... ')
      progress.end(1.26)
      progress.begin('pulling it')
      progress.fail()
      progress.fail()
      assert.equal(written(), '1.3 s\npulling it ... failed\n')
    })

    it('writes nothing when there is no step that could fail', () => {
      const { stream, written } = createStream({ isTTY: false })
      createDemoProgress(stream).fail()
      assert.equal(written(), '')
    })
  })

  describe('for a terminal', () => {
    it('marks steps that are done, with their time', () => {
      const { stream, written } = createStream({ isTTY: true })
      const progress = createDemoProgress(stream)
      progress.begin('making an image')
      progress.advance(0.5)
      progress.end(1.26)
      assert.match(written(), /making an image 1\.3 s\n$/)
    })

    it('marks a step that has failed, once', () => {
      const { stream, written } = createStream({ isTTY: true })
      const progress = createDemoProgress(stream)
      progress.begin('pulling it')
      progress.fail()
      assert.match(written(), /pulling it\n$/)
      progress.fail()
      assert.equal(written(), '')
    })
  })
})
