import assert from 'node:assert/strict'
import { digestOf, entityTag, ifRangeHolds, noneMatchNames } from '@layermesh/oci'

const digest = digestOf(Buffer.from('x'))
const other = digestOf(Buffer.from('y'))

describe('entity tag', () => {
  it('is the digest in quotes', () => {
    assert.equal(entityTag(digest), `"${digest}"`)
  })

  describe('noneMatchNames', () => {
    for (const [header, expected] of [
      [undefined, false],
      [`"${digest}"`, true],
      [digest, true],
      [`W/"${digest}"`, true],
      [`"${other}", "${digest}"`, true],
      ['*', true],
      [`"${other}"`, false],
      ['', false],
    ] as const) {
      it(`is ${String(expected)} for ${String(header)}`, () => {
        assert.equal(noneMatchNames(header, digest), expected)
      })
    }
  })

  describe('ifRangeHolds', () => {
    for (const [header, expected] of [
      [undefined, true],
      [`"${digest}"`, true],
      [digest, true],
      [`W/"${digest}"`, false],
      [`"${other}"`, false],
      ['Wed, 21 Oct 2015 07:28:00 GMT', false],
    ] as const) {
      it(`is ${String(expected)} for ${String(header)}`, () => {
        assert.equal(ifRangeHolds(header, digest), expected)
      })
    }
  })
})
