import assert from 'node:assert/strict'
import { parseContentRange } from '../src/content-range.ts'

describe('parseContentRange', () => {
  const cases: readonly [header: string | undefined, expected: ReturnType<typeof parseContentRange>][] = [
    ['bytes 500-999/2048', { start: 500, sizeBytes: 2048 }],
    ['bytes 0-0/1', { start: 0, sizeBytes: 1 }],
    ['BYTES 0-9/10 ', { start: 0, sizeBytes: 10 }],
    ['bytes 5-9/*', { start: 5, sizeBytes: undefined }],
    ['bytes */2048', { start: undefined, sizeBytes: 2048 }],
    ['bytes 9-5/10', undefined],
    ['bytes 5-10/10', undefined],
    ['bytes 5-/10', undefined],
    ['bytes -5/10', undefined],
    ['items 0-9/10', undefined],
    ['bytes 0-9/10, bytes 20-29/30', undefined],
    ['', undefined],
    [undefined, undefined],
  ]
  for (const [header, expected] of cases) {
    it(`reads ${JSON.stringify(header)}`, () => assert.deepEqual(parseContentRange(header), expected))
  }

  it('takes no number for one that a double does not hold exactly', () => {
    assert.deepEqual(parseContentRange('bytes 0-9/99999999999999999999'), { start: 0, sizeBytes: undefined })
  })
})
