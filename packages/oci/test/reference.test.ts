import assert from 'node:assert/strict'
import { digestOf, isDigestReference, parseReference } from '@layermesh/oci'

const digest = digestOf(Buffer.from('x'))

describe('reference', () => {
  it('is a digest when it has a colon', () => {
    assert.deepEqual(parseReference(digest), { kind: 'digest', digest })
    assert.equal(isDigestReference(digest), true)
  })

  it('is a tag otherwise', () => {
    assert.deepEqual(parseReference('v1.2'), { kind: 'tag', tag: 'v1.2' })
    assert.equal(isDigestReference('v1.2'), false)
  })

  it('is never a tag when it has a colon, so that a bad digest is called one', () => {
    assert.throws(() => parseReference('a:b'), { code: 'ERR_DIGEST_INVALID' })
  })

  it('is rejected with ERR_TAG_INVALID when it is neither', () => {
    assert.throws(() => parseReference('..'), { code: 'ERR_TAG_INVALID' })
  })
})
