import assert from 'node:assert/strict'

import { ManualClock } from '@layermesh/testkit'

import { DelayLine } from '../../bench/harness/lab/delay-line.ts'

const frame = (byte: number) => new Uint8Array([byte])

describe('DelayLine', () => {
  it('gives each frame out when its delay is over, in order', () => {
    const clock = new ManualClock()
    const delivered: [atMs: number, byte: number | undefined][] = []
    const deliver = (bytes: Uint8Array) => delivered.push([clock.monotonicMs(), bytes[0]])
    const line = new DelayLine({ clock, deliver }, 20)
    line.send(frame(1))
    line.send(frame(2))
    clock.advance(5)
    line.send(frame(3))
    clock.advance(14)
    assert.deepEqual(delivered, [])
    clock.advance(100)
    line.send(frame(4))
    clock.advance(100)
    assert.deepEqual(delivered, [
      [20, 1],
      [20, 2],
      [25, 3],
      [139, 4],
    ])
    assert.equal(clock.pendingTimers, 0)
  })

  it('loses what is too much to be under way, and goes on with what comes later', () => {
    const clock = new ManualClock()
    let delivered = 0
    const line = new DelayLine({ clock, deliver: () => (delivered += 1) }, 20)
    for (let sent = 0; sent < 5; sent += 1) line.send(new Uint8Array(20 * 1024 * 1024))
    clock.advance(20)
    assert.equal(delivered, 3)
    line.send(frame(1))
    clock.advance(20)
    assert.equal(delivered, 4)
  })
})
