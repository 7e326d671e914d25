import assert from 'node:assert/strict'
import fc from 'fast-check'
import { contentRange, parseRange, unsatisfiedContentRange } from '@layermesh/oci'

describe('byte range header', () => {
  describe('parseRange', () => {
    for (const [header, expected] of [
      [undefined, 'whole'],
      ['bytes=500-1499', { start: 500, end: 1500 }],
      ['bytes=500-', { start: 500, end: 2048 }],
      ['bytes=0-', { start: 0, end: 2048 }],
      ['bytes=0-0', { start: 0, end: 1 }],
      ['bytes=-500', { start: 1548, end: 2048 }],
      ['bytes=-5000', { start: 0, end: 2048 }],
      ['bytes=2000-5000', { start: 2000, end: 2048 }],
      ['bytes=2047-', { start: 2047, end: 2048 }],
      [`bytes=0-${'9'.repeat(400)}`, { start: 0, end: 2048 }],
      ['BYTES=0-1', { start: 0, end: 2 }],
      ['bytes= 0-1 ,', { start: 0, end: 2 }],
      ['bytes=500-0', 'unsatisfiable'],
      ['bytes=5000-10000', 'unsatisfiable'],
      ['bytes=2048-', 'unsatisfiable'],
      [`bytes=${'9'.repeat(400)}-`, 'unsatisfiable'],
      ['bytes=-0', 'unsatisfiable'],
      ['bytes=0-1,4-5', 'whole'],
      ['bytes=', 'whole'],
      ['bytes=-', 'whole'],
      ['bytes=a-b', 'whole'],
      ['bytes=1-2-3', 'whole'],
      ['bytes=0x1-2', 'whole'],
      ['bytes 0-1', 'whole'],
      ['pieces=0-1', 'whole'],
    ] as const) {
      it(`reads ${String(header).slice(0, 30)} on 2048 bytes`, () => {
        assert.deepEqual(parseRange(header, 2048), expected)
      })
    }

    it('ignores every range of an empty blob', () => {
      for (const header of ['bytes=0-', 'bytes=-1', 'bytes=5-0']) assert.equal(parseRange(header, 0), 'whole')
    })

    it('gives a range inside the blob that is not empty, or none', () => {
      const position = fc.option(fc.nat(5000)).map((value) => (value === null ? '' : String(value)))
      fc.assert(
        fc.property(position, position, fc.integer({ min: 1, max: 4000 }), (first, last, sizeBytes) => {
          const range = parseRange(`bytes=${first}-${last}`, sizeBytes)
          if (typeof range === 'string') return
          assert.ok(range.start >= 0 && range.start < range.end && range.end <= sizeBytes)
        }),
      )
    })
  })

  it('formats Content-Range with an inclusive end', () => {
    assert.equal(contentRange({ start: 500, end: 1500 }, 2048), 'bytes 500-1499/2048')
    assert.equal(unsatisfiedContentRange(2048), 'bytes */2048')
  })
})
