import assert from 'node:assert/strict'
import { MAX_REDIAL_DELAY_MS, redialDelayMs } from '../src/redial-delay.ts'

describe('redialDelayMs', () => {
  it('doubles with each failure up to the maximum', () => {
    const delays = [1, 2, 3, 7, 50].map((failures) => redialDelayMs({ failures, random: () => 0 }))
    assert.deepEqual(delays, [1000, 2000, 4000, MAX_REDIAL_DELAY_MS, MAX_REDIAL_DELAY_MS])
  })

  it('takes off up to half at random', () => {
    assert.equal(redialDelayMs({ failures: 1, random: () => 1 }), 500)
    assert.equal(redialDelayMs({ failures: 50, random: () => 0.5 }), MAX_REDIAL_DELAY_MS * 0.75)
  })
})
