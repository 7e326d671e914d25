import assert from 'node:assert/strict'
import { ManualClock } from '@layermesh/testkit'
import {
  CircuitBreaker,
  FAILURES_TO_OPEN,
  FIRST_OPEN_MS,
  MAX_OPEN_MS,
  type BreakerFinding,
} from '../src/circuit-breaker.ts'

/** A breaker with a clock, and calls that begin and end at once. */
function setUp() {
  const clock = new ManualClock()
  const breaker = new CircuitBreaker()
  const enter = () => breaker.enter(clock.monotonicMs())
  const call = (finding: BreakerFinding) => {
    const pass = enter()
    assert.ok(pass !== undefined, 'the endpoint may be called')
    return breaker.leave(pass, finding, clock.monotonicMs())
  }
  const open = () => {
    for (let failure = 1; failure < FAILURES_TO_OPEN; failure += 1) assert.equal(call('dead'), 'none')
    assert.equal(call('dead'), 'opened')
  }
  return { clock, breaker, enter, call, open }
}

describe('CircuitBreaker', () => {
  it('opens after so many failures in a row', () => {
    const { enter, open } = setUp()
    open()
    assert.equal(enter(), undefined)
  })

  it('stays closed while a success comes in between', () => {
    const { enter, call } = setUp()
    for (let round = 0; round < 3; round += 1) {
      for (let failure = 1; failure < FAILURES_TO_OPEN; failure += 1) call('dead')
      assert.equal(call('alive'), 'none')
    }
    assert.equal(enter(), 'call')
  })

  it('does not count calls whose callers gave up', () => {
    const { enter, call } = setUp()
    for (let round = 0; round < 2 * FAILURES_TO_OPEN; round += 1) call('unknown')
    assert.equal(enter(), 'call')
  })

  it('lets one trial through when the time is over', () => {
    const { clock, enter, open } = setUp()
    open()
    clock.advance(FIRST_OPEN_MS - 1)
    assert.equal(enter(), undefined)
    clock.advance(1)
    assert.equal(enter(), 'trial')
    assert.equal(enter(), undefined)
  })

  it('closes when the trial succeeds', () => {
    const { clock, enter, call, open } = setUp()
    open()
    clock.advance(FIRST_OPEN_MS)
    assert.equal(call('alive'), 'closed')
    assert.equal(enter(), 'call')
  })

  it('stays open twice as long after each trial that fails, up to a limit', () => {
    const { clock, enter, call, open } = setUp()
    open()
    clock.advance(FIRST_OPEN_MS)
    for (let openMs = 2 * FIRST_OPEN_MS; openMs <= 4 * MAX_OPEN_MS; openMs *= 2) {
      assert.equal(call('dead'), 'opened')
      clock.advance(Math.min(openMs, MAX_OPEN_MS) - 1)
      assert.equal(enter(), undefined)
      clock.advance(1)
    }
  })

  it('lets the next trial through when the caller of one gave up', () => {
    const { clock, enter, call, open } = setUp()
    open()
    clock.advance(FIRST_OPEN_MS)
    assert.equal(call('unknown'), 'none')
    assert.equal(enter(), 'trial')
  })

  it('learns nothing from calls that fail after it has opened', () => {
    const { clock, breaker, enter, open } = setUp()
    const early = enter()
    open()
    clock.advance(FIRST_OPEN_MS)
    assert.equal(enter(), 'trial')
    assert.equal(breaker.leave(early ?? 'call', 'dead', clock.monotonicMs()), 'none')
    assert.equal(breaker.leave('trial', 'alive', clock.monotonicMs()), 'closed')
  })

  it('closes when a call that began before it opened succeeds', () => {
    const { clock, breaker, enter, open } = setUp()
    const early = enter()
    open()
    assert.equal(breaker.leave(early ?? 'call', 'alive', clock.monotonicMs()), 'closed')
    assert.equal(enter(), 'call')
  })
})
