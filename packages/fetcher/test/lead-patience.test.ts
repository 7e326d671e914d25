import assert from 'node:assert/strict'

import { leadRetryDelayMs, MAX_BUSY_RETRIES, MAX_LOST_RETRIES } from '../src/lead-patience.ts'

describe('leadRetryDelayMs', () => {
  const delays = (kind: 'busy' | 'lost', random: number) =>
    Array.from({ length: 5 }, (_, times) => leadRetryDelayMs({ kind, times, random }))

  it('waits longer each time, up to a limit', () => {
    assert.deepEqual(delays('busy', 0), [50, 100, 200, 400, 400])
  })

  it('spreads out those that wait', () => {
    assert.deepEqual(delays('busy', 0.5), [75, 150, 300, 600, 600])
  })

  it('gives up on a lead that stays full, and sooner on one that can not be reached', () => {
    assert.notEqual(leadRetryDelayMs({ kind: 'busy', times: MAX_BUSY_RETRIES - 1, random: 0 }), undefined)
    assert.equal(leadRetryDelayMs({ kind: 'busy', times: MAX_BUSY_RETRIES, random: 0 }), undefined)
    assert.deepEqual(delays('lost', 0), [50, 100, undefined, undefined, undefined])
    assert.equal(MAX_LOST_RETRIES, 2)
  })
})
