import assert from 'node:assert/strict'
import { ManualClock } from '@layermesh/testkit'
import { wait } from '../src/wait.ts'

describe('wait', () => {
  it('resolves when the time is over', async () => {
    const clock = new ManualClock()
    const waiting = wait(clock, 250, undefined)
    clock.advance(250)
    await waiting
    assert.equal(clock.pendingTimers, 0)
  })

  it('rejects with the reason of the signal and leaves no timer behind', async () => {
    const clock = new ManualClock()
    const controller = new AbortController()
    const waiting = wait(clock, 250, controller.signal)
    const reason = new Error('gone')
    controller.abort(reason)
    await assert.rejects(waiting, reason)
    assert.equal(clock.pendingTimers, 0)
  })
})
