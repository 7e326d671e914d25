import assert from 'node:assert/strict'
import fc from 'fast-check'
import { excessBytes, missingBytes } from '../src/space-plan.ts'

const limits = { maxBytes: 1000, minFreeBytes: 100 }
const idle = { usedBytes: 0, unwrittenBytes: 0, freeBytes: 10_000 }

describe('missingBytes', () => {
  it('is 0 as long as both limits are kept', () => {
    assert.equal(missingBytes(limits, idle, 1000), 0)
    assert.equal(missingBytes(limits, { ...idle, freeBytes: 1100 }, 1000), 0)
  })

  it('is what the budget lacks', () => {
    assert.equal(missingBytes(limits, { ...idle, usedBytes: 900 }, 150), 50)
  })

  it('is what would be lacking on the file system, where others write too', () => {
    assert.equal(missingBytes(limits, { ...idle, freeBytes: 120 }, 50), 30)
  })

  it('counts what has been promised to others and is not on disk yet', () => {
    assert.equal(missingBytes(limits, { usedBytes: 200, unwrittenBytes: 200, freeBytes: 300 }, 50), 50)
  })

  it('is never less than what either limit lacks, and enough for both', () => {
    const bytes = fc.nat(10_000)
    const use = fc.record({ usedBytes: bytes, unwrittenBytes: bytes, freeBytes: bytes })
    fc.assert(
      fc.property(use, bytes, (before, wanted) => {
        const missing = missingBytes(limits, before, wanted)
        const after = {
          ...before,
          usedBytes: before.usedBytes - missing,
          freeBytes: before.freeBytes + missing,
        }
        assert.equal(missingBytes(limits, after, wanted), 0)
        if (missing > 0)
          assert.ok(
            missingBytes(
              limits,
              { ...after, freeBytes: after.freeBytes - 1, usedBytes: after.usedBytes + 1 },
              wanted,
            ) > 0,
          )
      }),
    )
  })
})

describe('excessBytes', () => {
  it('is 0 below the high-water mark', () => {
    assert.equal(excessBytes(limits, { ...idle, usedBytes: 950 }), 0)
  })

  it('reaches down to the low-water mark once the high one is passed', () => {
    assert.equal(excessBytes(limits, { ...idle, usedBytes: 951 }), 101)
  })

  it('gives way when others fill the file system', () => {
    assert.equal(excessBytes(limits, { ...idle, usedBytes: 500, freeBytes: 40 }), 60)
  })
})
