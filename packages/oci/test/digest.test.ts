import assert from 'node:assert/strict'
import fc from 'fast-check'
import { createDigestHash, digestAlgorithm, digestHex, digestOf, parseDigest } from '@layermesh/oci'

const EMPTY_SHA256 = 'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'

describe('digest', () => {
  describe('parseDigest', () => {
    it('takes what digestOf makes, for both algorithms', () => {
      fc.assert(
        fc.property(
          fc.uint8Array(),
          fc.constantFrom('sha256' as const, 'sha512' as const),
          (bytes, algorithm) => {
            const digest = digestOf(bytes, algorithm)
            assert.equal(parseDigest(digest), digest)
            assert.equal(digestAlgorithm(digest), algorithm)
            assert.equal(`${algorithm}:${digestHex(digest)}`, digest)
          },
        ),
      )
    })

    for (const text of [
      '',
      'sha256',
      'sha256:',
      'sha256:baddigeststring',
      EMPTY_SHA256.toUpperCase(),
      EMPTY_SHA256.slice(0, -1),
      `${EMPTY_SHA256}0`,
      `${EMPTY_SHA256}\n`,
      ` ${EMPTY_SHA256}`,
      EMPTY_SHA256.replace('sha256', 'sha512'),
      EMPTY_SHA256.replace('sha256', 'md5'),
      EMPTY_SHA256.replace('sha256:', 'sha256:../'),
      `sha256:${'0'.repeat(100_000)}`,
    ]) {
      it(`rejects ${JSON.stringify(text.slice(0, 90))} with ERR_DIGEST_INVALID`, () => {
        assert.throws(() => parseDigest(text), { code: 'ERR_DIGEST_INVALID' })
      })
    }

    it('rejects any other text with ERR_DIGEST_INVALID', () => {
      fc.assert(
        fc.property(fc.string({ unit: 'binary' }), (text) => {
          assert.throws(() => parseDigest(text), { code: 'ERR_DIGEST_INVALID' })
        }),
      )
    })

    it('cuts what it quotes in the message', () => {
      assert.throws(
        () => parseDigest('x'.repeat(100_000)),
        (error: Error) => error.message.length < 200,
      )
    })
  })

  describe('digestOf', () => {
    it('is the digest of the empty blob when there are no bytes', () => {
      assert.equal(digestOf(new Uint8Array()), EMPTY_SHA256)
    })
  })

  describe('createDigestHash', () => {
    it('does not depend on how the bytes are cut', () => {
      fc.assert(
        fc.property(fc.array(fc.uint8Array()), (chunks) => {
          const hash = createDigestHash('sha256')
          for (const chunk of chunks) hash.update(chunk)
          assert.equal(hash.digest(), digestOf(Buffer.concat(chunks)))
        }),
      )
    })

    it('goes on from a copy without changing what it was copied from', () => {
      const hash = createDigestHash('sha512')
      hash.update(Buffer.from('a'))
      const copy = hash.copy()
      copy.update(Buffer.from('b'))
      assert.equal(copy.digest(), digestOf(Buffer.from('ab'), 'sha512'))
      assert.equal(hash.digest(), digestOf(Buffer.from('a'), 'sha512'))
    })
  })
})
