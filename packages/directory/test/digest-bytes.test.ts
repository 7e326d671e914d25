import assert from 'node:assert/strict'
import fc from 'fast-check'
import { digestOf } from '@layermesh/oci'
import { digestFromBytes, digestToBytes } from '../src/digest-bytes.ts'

describe('digest bytes', () => {
  it('give back the digest that they were made of', () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.constantFrom('sha256', 'sha512'), (bytes, algorithm) => {
        const digest = digestOf(bytes, algorithm)
        assert.equal(digestFromBytes(digestToBytes(digest)), digest)
      }),
    )
  })

  it('throw ERR_DIGEST_INVALID when they are as long as no hash', () => {
    for (const length of [0, 20, 31, 33, 63, 65]) {
      assert.throws(() => digestFromBytes(new Uint8Array(length)), { code: 'ERR_DIGEST_INVALID' })
    }
  })
})
