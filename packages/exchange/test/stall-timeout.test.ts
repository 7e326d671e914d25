import assert from 'node:assert/strict'

import { stallTimeoutMs } from '../src/stall-timeout.ts'

describe('stallTimeoutMs', () => {
  it('is what the setting says for a peer that answers quickly, or has not been measured', () => {
    assert.equal(stallTimeoutMs(500, undefined), 500)
    assert.equal(stallTimeoutMs(500, 50), 500)
  })

  it('grows with the round-trip time, up to ten times the setting', () => {
    assert.equal(stallTimeoutMs(500, 120), 1200)
    assert.equal(stallTimeoutMs(500, 3000), 5000)
  })
})
