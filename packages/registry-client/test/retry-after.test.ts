import assert from 'node:assert/strict'
import { MAX_RETRY_AFTER_MS, parseRetryAfterMs } from '../src/retry-after.ts'

const NOW_MS = Date.UTC(2026, 0, 1, 12, 0, 0)

describe('parseRetryAfterMs', () => {
  it('reads seconds', () => {
    assert.equal(parseRetryAfterMs('0', NOW_MS), 0)
    assert.equal(parseRetryAfterMs('120', NOW_MS), 120_000)
  })

  it('reads each form of a date', () => {
    assert.equal(parseRetryAfterMs('Thu, 01 Jan 2026 12:00:30 GMT', NOW_MS), 30_000)
    assert.equal(parseRetryAfterMs('Thursday, 01-Jan-26 12:00:30 GMT', NOW_MS), 30_000)
  })

  it('is 0 for a date that is over', () => {
    assert.equal(parseRetryAfterMs('Thu, 01 Jan 2026 11:59:59 GMT', NOW_MS), 0)
  })

  it('is bounded', () => {
    for (const header of ['999999999', 'Thu, 01 Jan 2099 12:00:00 GMT']) {
      assert.equal(parseRetryAfterMs(header, NOW_MS), MAX_RETRY_AFTER_MS)
    }
  })

  it('is undefined when the header is missing or malformed', () => {
    for (const header of [undefined, '', 'soon', '-1', '1.5', '5x', 'Thu', '2026-01-01']) {
      assert.equal(parseRetryAfterMs(header, NOW_MS), undefined, header)
    }
  })
})
