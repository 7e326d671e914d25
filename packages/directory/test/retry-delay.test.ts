import assert from 'node:assert/strict'
import { FIRST_RETRY_DELAY_MS, MAX_RETRY_DELAY_MS, retryDelayMs } from '../src/retry-delay.ts'

describe('retryDelayMs', () => {
  it('doubles with each failure, up to a limit', () => {
    assert.equal(retryDelayMs(1), FIRST_RETRY_DELAY_MS)
    assert.equal(retryDelayMs(2), 2 * FIRST_RETRY_DELAY_MS)
    assert.equal(retryDelayMs(4), 8 * FIRST_RETRY_DELAY_MS)
    assert.equal(retryDelayMs(7), MAX_RETRY_DELAY_MS)
    assert.equal(retryDelayMs(10_000), MAX_RETRY_DELAY_MS)
  })
})
