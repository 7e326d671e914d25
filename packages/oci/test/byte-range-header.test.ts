import assert from 'node:assert/strict'
import fc from 'fast-check'
import { contentRange, MAX_RANGES, parseRange, unsatisfiedContentRange } from '@layermesh/oci'

describe('byte range header', () => {
  describe('parseRange', () => {
    for (const [header, start, end] of [
      ['bytes=500-1499', 500, 1500],
      ['bytes=500-', 500, 2048],
      ['bytes=0-', 0, 2048],
      ['bytes=0-0', 0, 1],
      ['bytes=-500', 1548, 2048],
      ['bytes=-5000', 0, 2048],
      ['bytes=2000-5000', 2000, 2048],
      ['bytes=2047-', 2047, 2048],
      [`bytes=0-${'9'.repeat(400)}`, 0, 2048],
      ['BYTES=0-1', 0, 2],
      ['bytes= 0-1 ,', 0, 2],
    ] as const) {
      it(`reads ${header.slice(0, 30)} on 2048 bytes`, () => {
        assert.deepEqual(parseRange(header, 2048), { ranges: [{ start, end }], isMultiple: false })
      })
    }

    for (const [header, expected] of [
      [
        'bytes=0-1,4-5',
        [
          [0, 2],
          [4, 6],
        ],
      ],
      [
        'bytes=4-5, 0-1',
        [
          [4, 6],
          [0, 2],
        ],
      ],
      [
        'bytes=0-1,2-3',
        [
          [0, 2],
          [2, 4],
        ],
      ],
      [
        'bytes=0-9,5-14,0-9',
        [
          [0, 10],
          [5, 15],
          [0, 10],
        ],
      ],
      [
        'bytes=0-1,5000-,9-8,-1',
        [
          [0, 2],
          [2047, 2048],
        ],
      ],
      ['bytes=0-1,5000-', [[0, 2]]],
    ] as const) {
      it(`reads each range of ${header}, in this order`, () => {
        const ranges = expected.map(([start, end]) => ({ start, end }))
        assert.deepEqual(parseRange(header, 2048), { ranges, isMultiple: true })
      })
    }

    for (const [header, expected] of [
      [undefined, 'whole'],
      ['bytes=500-0', 'unsatisfiable'],
      ['bytes=5000-10000', 'unsatisfiable'],
      ['bytes=2048-', 'unsatisfiable'],
      [`bytes=${'9'.repeat(400)}-`, 'unsatisfiable'],
      ['bytes=-0', 'unsatisfiable'],
      ['bytes=2048-,5000-', 'unsatisfiable'],
      ['bytes=', 'whole'],
      ['bytes=-', 'whole'],
      ['bytes=a-b', 'whole'],
      ['bytes=0-1,x', 'whole'],
      ['bytes=1-2-3', 'whole'],
      ['bytes=0x1-2', 'whole'],
      ['bytes 0-1', 'whole'],
      ['pieces=0-1', 'whole'],
      [`bytes=${'0-0,'.repeat(MAX_RANGES)}1-1`, 'excessive'],
      ['bytes=0-,0-,0-0', 'excessive'],
    ] as const) {
      it(`takes ${String(header).slice(0, 30)} on 2048 bytes for ${expected}`, () => {
        assert.equal(parseRange(header, 2048), expected)
      })
    }

    it('takes as many ranges as are allowed, and all bytes twice', () => {
      const header = `bytes=${'0-0,'.repeat(MAX_RANGES)}`
      const read = parseRange(header, 2048)
      assert.equal(typeof read === 'object' && read.ranges.length, MAX_RANGES)
      assert.equal(typeof parseRange('bytes=0-,0-', 2048), 'object')
    })

    it('ignores every range of an empty blob', () => {
      for (const header of ['bytes=0-', 'bytes=-1', 'bytes=5-0']) assert.equal(parseRange(header, 0), 'whole')
    })

    it('gives a range inside the blob that is not empty, or none', () => {
      const position = fc.option(fc.nat(5000)).map((value) => (value === null ? '' : String(value)))
      fc.assert(
        fc.property(position, position, fc.integer({ min: 1, max: 4000 }), (first, last, sizeBytes) => {
          const range = parseRange(`bytes=${first}-${last}`, sizeBytes)
          if (typeof range === 'string') return
          for (const { start, end } of range.ranges) assert.ok(start >= 0 && start < end && end <= sizeBytes)
        }),
      )
    })
  })

  it('formats Content-Range with an inclusive end', () => {
    assert.equal(contentRange({ start: 500, end: 1500 }, 2048), 'bytes 500-1499/2048')
    assert.equal(unsatisfiedContentRange(2048), 'bytes */2048')
  })
})
