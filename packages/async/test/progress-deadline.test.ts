import assert from 'node:assert/strict'

import { ManualClock } from '@layermesh/testkit'

import { ProgressDeadline } from '../src/index.ts'

describe('ProgressDeadline', () => {
  const start = () => {
    const clock = new ManualClock()
    return { clock, deadline: new ProgressDeadline(clock, 1000, () => new Error('stalled')) }
  }

  it('aborts with the error once nothing has happened for the time-out', () => {
    const { clock, deadline } = start()
    clock.advance(999)
    assert.equal(deadline.signal.aborted, false)
    clock.advance(1)
    assert.equal((deadline.signal.reason as Error).message, 'stalled')
  })

  it('is pushed back by progress', () => {
    const { clock, deadline } = start()
    clock.advance(900)
    deadline.progress()
    clock.advance(999)
    assert.equal(deadline.signal.aborted, false)
    clock.advance(1)
    assert.equal(deadline.signal.aborted, true)
  })

  it('stands still while paused, until the next progress', () => {
    const { clock, deadline } = start()
    deadline.pause()
    clock.advance(60_000)
    assert.equal(deadline.signal.aborted, false)
    deadline.progress()
    clock.advance(1000)
    assert.equal(deadline.signal.aborted, true)
  })

  it('leaves no timer behind when disposed of', () => {
    const { clock, deadline } = start()
    deadline[Symbol.dispose]()
    assert.equal(clock.pendingTimers, 0)
    clock.advance(5000)
    assert.equal(deadline.signal.aborted, false)
  })
})
