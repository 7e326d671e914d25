import assert from 'node:assert/strict'
import { findNextLink, nextLink } from '@layermesh/oci'

describe('findNextLink', () => {
  for (const [line, target] of [
    ['</v2/a/tags/list?n=2&last=b>; rel="next"', '/v2/a/tags/list?n=2&last=b'],
    ['<https://reg.example/v2/a/tags/list?last=b>;rel=next', 'https://reg.example/v2/a/tags/list?last=b'],
    ['<?last=b>; title="x"; rel="prev next"', '?last=b'],
    ['</first>; rel="first", </v2/a/tags/list?last=b>; REL="NEXT"', '/v2/a/tags/list?last=b'],
    ['</v2/a/tags/list?last=a,b>; rel="next"', '/v2/a/tags/list?last=a,b'],
  ] as const) {
    it(`finds the target of ${line}`, () => {
      assert.equal(findNextLink([line]), target)
    })
  }

  it('finds it on a later line', () => {
    assert.equal(findNextLink(['</a>; rel="prev"', '</b>; rel="next"']), '/b')
  })

  for (const line of ['', '</a>', '</a>; rel="prev"', '</a>; rel="nextish"', 'a; rel="next"']) {
    it(`finds none in ${JSON.stringify(line)}`, () => {
      assert.equal(findNextLink([line]), undefined)
    })
  }
})

describe('nextLink', () => {
  it('is what findNextLink reads', () => {
    assert.equal(findNextLink([nextLink('/v2/a/tags/list?last=b')]), '/v2/a/tags/list?last=b')
  })
})
