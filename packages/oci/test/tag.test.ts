import assert from 'node:assert/strict'
import fc from 'fast-check'
import { parseTag } from '@layermesh/oci'

describe('parseTag', () => {
  it('takes every tag of the grammar', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/), (tag) => {
        assert.equal(parseTag(tag), tag)
      }),
    )
  })

  for (const tag of ['', '.', '..', '-a', '.a', 'a/b', 'a b', 'a\n', 'a\0', 'é', 'a'.repeat(129)]) {
    it(`rejects ${JSON.stringify(tag.slice(0, 20))} with ERR_TAG_INVALID`, () => {
      assert.throws(() => parseTag(tag), { code: 'ERR_TAG_INVALID' })
    })
  }
})
