import assert from 'node:assert/strict'

import type { PeerId } from '@layermesh/interface'
import { ManualClock } from '@layermesh/testkit'

import { SLOW_FOR_MS, SlowPeers } from '../src/slow-peers.ts'

describe('SlowPeers', () => {
  const [a, b, c] = ['a', 'b', 'c'] as PeerId[] as [PeerId, PeerId, PeerId]

  it('puts those last that were slow, for a while, and keeps the order of the others', () => {
    const clock = new ManualClock()
    const slowPeers = new SlowPeers(clock)
    slowPeers.note(a)
    clock.advance(SLOW_FOR_MS / 2)
    slowPeers.note(b)
    assert.deepEqual(slowPeers.last([a, b, c]), [c, a, b])
    clock.advance(SLOW_FOR_MS / 2)
    assert.deepEqual(slowPeers.last([b, c, a]), [c, a, b])
    clock.advance(SLOW_FOR_MS / 2)
    assert.deepEqual(slowPeers.last([a, b, c]), [a, b, c])
  })
})
