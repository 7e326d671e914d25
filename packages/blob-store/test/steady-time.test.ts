import assert from 'node:assert/strict'
import { ManualClock } from '@layermesh/testkit'
import { steadyTime } from '../src/steady-time.ts'

describe('steadyTime', () => {
  it('begins with the wall clock and goes on with the monotonic one, however often the wall clock is set', () => {
    const clock = new ManualClock(5000)
    let wallSkewMs = 0
    const nowMs = steadyTime({
      now: () => clock.now() + wallSkewMs,
      monotonicMs: () => clock.monotonicMs(),
      setTimer: () => () => {},
    })
    assert.equal(nowMs(), 5000)
    clock.advance(70)
    wallSkewMs = -1_000_000_000
    assert.equal(nowMs(), 5070)
    wallSkewMs = 1_000_000_000
    assert.equal(nowMs(), 5070)
  })
})
