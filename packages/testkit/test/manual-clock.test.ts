import assert from 'node:assert/strict'
import { ManualClock } from '@layermesh/testkit'

describe('ManualClock', () => {
  it('stands still until it is moved', () => {
    const clock = new ManualClock(5000)
    assert.deepEqual([clock.now(), clock.monotonicMs()], [5000, 0])
    clock.advance(250)
    assert.deepEqual([clock.now(), clock.monotonicMs()], [5250, 250])
  })

  it('fires timers in the order of their due times, each at its own time', () => {
    const clock = new ManualClock()
    const fired: string[] = []
    clock.setTimer(20, () => fired.push(`late at ${clock.monotonicMs()}`))
    clock.setTimer(10, () => fired.push(`early at ${clock.monotonicMs()}`))
    clock.advance(30)
    assert.deepEqual(fired, ['early at 10', 'late at 20'])
    assert.equal(clock.monotonicMs(), 30)
  })

  it('fires timers of the same due time in the order in which they were set', () => {
    const clock = new ManualClock()
    const fired: string[] = []
    clock.setTimer(10, () => fired.push('first'))
    clock.setTimer(10, () => fired.push('second'))
    clock.advance(10)
    assert.deepEqual(fired, ['first', 'second'])
  })

  it('fires a timer that is set on the way, if it becomes due on the way', () => {
    const clock = new ManualClock()
    const firedAtMs: number[] = []
    const again = () => {
      firedAtMs.push(clock.monotonicMs())
      clock.setTimer(10, again)
    }
    clock.setTimer(10, again)
    clock.advance(35)
    assert.deepEqual(firedAtMs, [10, 20, 30])
    assert.equal(clock.pendingTimers, 1)
  })

  it('does not fire what is not yet due', () => {
    const clock = new ManualClock()
    let fired = false
    clock.setTimer(10, () => (fired = true))
    clock.advance(9)
    assert.equal(fired, false)
    clock.advance(1)
    assert.equal(fired, true)
  })

  it('does not fire a timer that was cancelled, even twice', () => {
    const clock = new ManualClock()
    let fired = false
    const cancel = clock.setTimer(10, () => (fired = true))
    assert.equal(clock.pendingTimers, 1)
    cancel()
    cancel()
    clock.advance(10)
    assert.equal(fired, false)
    assert.equal(clock.pendingTimers, 0)
  })
})
