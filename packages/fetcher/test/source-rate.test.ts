import assert from 'node:assert/strict'

import { PeerSlowError } from '@layermesh/interface'
import { ManualClock } from '@layermesh/testkit'

import {
  isTooSlow,
  LOOK_INTERVAL_MS,
  RunningTransfers,
  SLOW_BYTES_PER_SECOND,
  watchRate,
} from '../src/source-rate.ts'

const MiB = 1024 * 1024

describe('isTooSlow', () => {
  it('says nothing before a peer has been sending for a second', () => {
    assert.equal(isTooSlow({ bytes: 0, ms: 999 }, 'site', 1), false)
    assert.equal(isTooSlow({ bytes: 0, ms: 1000 }, 'site', 1), true)
  })

  it('expects less of links that are longer', () => {
    const flow = { bytes: 3 * MiB, ms: 8000 }
    assert.deepEqual(
      (['site', 'region', 'world'] as const).map((link) => isTooSlow(flow, link, 1)),
      [true, true, false],
    )
  })

  it('expects less of each transfer when several come at a time', () => {
    const flow = { bytes: 3 * MiB, ms: 8000 }
    assert.equal(isTooSlow(flow, 'site', 2), true)
    assert.equal(isTooSlow(flow, 'site', 3), false)
  })

  it('lets a peer be that sends as fast as it is to', () => {
    for (const link of ['site', 'region', 'world'] as const) {
      assert.equal(isTooSlow({ bytes: 10 * SLOW_BYTES_PER_SECOND[link], ms: 10_000 }, link, 1), false)
    }
  })
})

describe('watchRate', () => {
  it('leaves a slow peer as soon as there is another, and looks no more after its end', () => {
    const clock = new ManualClock()
    const running = new RunningTransfers()
    let others = 0
    const flow = () => ({ bytes: 1000, ms: clock.monotonicMs() })
    const watch = watchRate({ clock, link: 'site', flow, running, hasOther: () => others > 0 })
    clock.advance(8 * LOOK_INTERVAL_MS)
    assert.equal(watch.signal.aborted, false)
    others = 1
    clock.advance(LOOK_INTERVAL_MS)
    assert.ok(watch.signal.reason instanceof PeerSlowError)
    const second = watchRate({ clock, link: 'site', flow, running, hasOther: () => true })
    second[Symbol.dispose]()
    watch[Symbol.dispose]()
    assert.equal(clock.pendingTimers, 0)
    assert.equal(running.count, 0)
    assert.equal(second.signal.aborted, false)
  })
})
