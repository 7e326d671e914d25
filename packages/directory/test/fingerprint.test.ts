import assert from 'node:assert/strict'
import fc from 'fast-check'
import { bucketOf, Fingerprint, MAX_BUCKET_BITS, toggleBucket } from '../src/fingerprint.ts'

const word = fc.integer({ min: 0, max: 2 ** 32 - 1 })
const element = fc.record({ prefix: word, high: word, low: word })

describe('Fingerprint', () => {
  it('knows each part of a set, however large the set is and whatever has left it', () => {
    fc.assert(
      fc.property(
        // Below and above what fits into the list of buckets.
        fc.oneof(
          fc.array(element, { maxLength: 12 }),
          fc.array(element, { minLength: 120, maxLength: 400, size: 'max' }),
        ),
        fc.nat(11),
        (elements, leaving) => {
          const fingerprint = new Fingerprint()
          for (const each of elements) fingerprint.add(each.prefix, each)
          const gone = elements.slice(0, leaving)
          for (const each of gone) fingerprint.remove(each.prefix, each)
          assert.equal(fingerprint.count, elements.length - gone.length)
          for (const bits of [0, 1, 5, MAX_BUCKET_BITS]) {
            const buckets = new Uint32Array(2 << bits)
            for (const each of elements.slice(leaving))
              toggleBucket(buckets, bucketOf(each.prefix, bits), each)
            assert.deepEqual(fingerprint.buckets(bits), buckets)
          }
          const [high = 0, low = 0] = fingerprint.buckets(0)
          assert.deepEqual(fingerprint.total(), { high, low })
          assert.ok(fingerprint.isTotal({ high, low }))
          assert.equal(fingerprint.isTotal({ high: (high ^ 1) >>> 0, low }), false)
        },
      ),
      { numRuns: 60 },
    )
  })

  it('takes the same bucket again and again without growing', () => {
    const fingerprint = new Fingerprint()
    const bits = { high: 0xdeadbeef, low: 0x12345678 }
    for (let times = 0; times < 1001; times += 1) fingerprint.add(0xffffffff, bits)
    assert.deepEqual(fingerprint.total(), bits)
    assert.deepEqual(fingerprint.buckets(1), Uint32Array.of(0, 0, bits.high, bits.low))
  })
})
