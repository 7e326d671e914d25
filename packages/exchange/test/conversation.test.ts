import assert from 'node:assert/strict'

import { ProgressDeadline } from '@layermesh/async'
import { type PeerId, type PeerStream, PeerStalledError } from '@layermesh/interface'
import { ManualClock } from '@layermesh/testkit'

import { decodeBlobFrame } from '../src/blob-frames.ts'
import { Conversation, MAX_WAIT_MS } from '../src/conversation.ts'
import { WAIT_FRAME } from '../src/wait-frames.ts'

const STALL_TIMEOUT_MS = 2000

describe('Conversation', () => {
  it('rejects with ERR_PEER_STALLED when a peer, though alive, says nothing but wait for too long', async () => {
    const clock = new ManualClock()
    const stream: PeerStream = {
      peer: 'peer-waiting' as PeerId,
      send: async () => {},
      async receive() {
        clock.advance(STALL_TIMEOUT_MS / 2)
        return WAIT_FRAME
      },
      close: async () => {},
      abort() {},
    }
    const newDeadline = () =>
      new ProgressDeadline(clock, STALL_TIMEOUT_MS, () => new PeerStalledError('no life'))
    const conversation = new Conversation(stream, decodeBlobFrame, newDeadline, clock)
    const receiving = conversation.expect(() => conversation.receive(), undefined)
    await assert.rejects(receiving, { code: 'ERR_PEER_STALLED', message: /nothing but "wait"/ })
    assert.equal(clock.monotonicMs(), MAX_WAIT_MS)
    assert.equal(clock.pendingTimers, 0)
  })
})
