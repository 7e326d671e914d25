import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { PeerId } from '@layermesh/interface'
import { digestOf } from '@layermesh/oci'
import { rankByRendezvous, RendezvousOrder } from '../src/rendezvous.ts'

const digestArb = fc.uint8Array({ maxLength: 8 }).map((bytes) => digestOf(bytes))
const peersArb = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 8 }), {
  minLength: 1,
  maxLength: 20,
}) as fc.Arbitrary<PeerId[]>

function peerIds(count: number): PeerId[] {
  return Array.from({ length: count }, (_, index) => `12D3KooWNode${index}` as PeerId)
}

describe('rankByRendezvous', () => {
  it('gives a known order for known peers', () => {
    // Nodes of different versions must agree, so this order never changes.
    const ranked = rankByRendezvous(digestOf(Buffer.from('layer')), peerIds(5))
    assert.deepEqual(
      ranked.map((peer) => peer.at(-1)),
      ['3', '0', '2', '1', '4'],
    )
  })

  it('has every peer once, whatever order they are named in', () => {
    fc.assert(
      fc.property(digestArb, peersArb, (digest, peers) => {
        const ranked = rankByRendezvous(digest, peers)
        assert.deepEqual(ranked.toSorted(), peers.toSorted())
        assert.deepEqual(rankByRendezvous(digest, peers.toReversed()), ranked)
      }),
    )
  })

  it('has the same order when a key is asked about again and again, whoever is there', () => {
    fc.assert(
      fc.property(digestArb, fc.array(peersArb, { minLength: 1, maxLength: 4 }), (digest, views) => {
        const order = new RendezvousOrder(digest)
        for (const peers of views) assert.deepEqual(order.rank(peers), rankByRendezvous(digest, peers))
      }),
    )
  })

  it('keeps the order of the others when a peer goes', () => {
    fc.assert(
      fc.property(digestArb, peersArb, fc.nat(), (digest, peers, at) => {
        const gone = peers[at % peers.length]
        const before = rankByRendezvous(digest, peers)
        const after = rankByRendezvous(
          digest,
          peers.filter((peer) => peer !== gone),
        )
        assert.deepEqual(
          after,
          before.filter((peer) => peer !== gone),
        )
      }),
    )
  })

  it('moves only the digests that a peer was first for when it goes', () => {
    const peers = peerIds(10)
    let moved = 0
    for (let index = 0; index < 1000; index += 1) {
      const digest = digestOf(Buffer.from(String(index)))
      const [before] = rankByRendezvous(digest, peers)
      const [after] = rankByRendezvous(digest, peers.slice(1))
      if (before !== after) moved += 1
      if (before !== peers[0]) assert.equal(after, before)
    }
    assert.ok(moved > 60 && moved < 140, `${moved} of 1000 moved`)
  })

  it('makes every peer first for about as many digests as any other', () => {
    const counts = new Map<PeerId, number>()
    for (let index = 0; index < 8000; index += 1) {
      const [first] = rankByRendezvous(digestOf(Buffer.from(`layer ${index}`)), peerIds(8))
      counts.set(first!, (counts.get(first!) ?? 0) + 1)
    }
    for (const count of counts.values()) assert.ok(count > 850 && count < 1150, `${count} of 8000`)
  })
})
