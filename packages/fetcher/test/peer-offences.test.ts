import assert from 'node:assert/strict'

import type { PeerId } from '@layermesh/interface'

import { BAN_DURATIONS_MS, PeerOffences } from '../src/peer-offences.ts'

describe('PeerOffences', () => {
  it('cuts a peer off for longer from its second offence on, each peer by itself', () => {
    const offences = new PeerOffences()
    const [first, further] = BAN_DURATIONS_MS
    assert.equal(offences.record('a' as PeerId), first)
    assert.equal(offences.record('b' as PeerId), first)
    assert.equal(offences.record('a' as PeerId), further)
    assert.equal(offences.record('a' as PeerId), further)
  })
})
