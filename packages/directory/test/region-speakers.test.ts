import assert from 'node:assert/strict'
import type { PeerId } from '@layermesh/interface'
import { RegionSpeakers } from '../src/region-speakers.ts'
import { byRendezvous, rendezvousWeight } from '../src/rendezvous.ts'

const PATIENCE_MS = 15_000

/** The nodes of a region in the order in which they speak for it. */
const ranked = ['peer-a', 'peer-b', 'peer-c']
  .map((name) => ({ peer: name as PeerId, weight: rendezvousWeight('region eu', name as PeerId) }))
  .toSorted(byRendezvous)
  .map(({ peer }) => peer)
const [first, second, third] = ranked as [PeerId, PeerId, PeerId]

function createSpeakers(joinedAtMs = 0): RegionSpeakers {
  const speakers = new RegionSpeakers('eu', PATIENCE_MS)
  for (const peer of ranked) speakers.join(peer, joinedAtMs)
  return speakers
}

describe('RegionSpeakers', () => {
  it('has the first in rank speak at once, the others when those ahead had their time', () => {
    const speakers = createSpeakers()
    assert.ok(speakers.shouldSpeak(first, false, 0))
    assert.equal(speakers.shouldSpeak(second, false, 14_999), false)
    assert.ok(speakers.shouldSpeak(second, false, 15_000))
    assert.equal(speakers.shouldSpeak('peer-stranger' as PeerId, false, 60_000), false)
  })

  it('passes over one that is gone, at once', () => {
    const speakers = createSpeakers()
    speakers.hear(first, 20_000)
    assert.equal(speakers.shouldSpeak(second, false, 20_000), false)
    speakers.leave(first)
    assert.equal(speakers.size, 2)
    assert.ok(speakers.shouldSpeak(second, false, 20_000))
    // The third has heard nothing of the second, which is to speak.
    assert.ok(speakers.shouldSpeak(third, false, 20_000))
    speakers.hear(second, 20_000)
    assert.equal(speakers.shouldSpeak(third, true, 20_000), false)
  })

  it('lets a speaker go on until one ahead of it that has joined is heard', () => {
    const speakers = createSpeakers()
    speakers.leave(first)
    speakers.join(first, 100_000)
    assert.ok(speakers.shouldSpeak(second, true, 100_000))
    assert.equal(speakers.shouldSpeak(second, false, 100_000), false)
    speakers.hear(first, 101_000)
    assert.equal(speakers.shouldSpeak(second, true, 101_000), false)
    speakers.hearNothing(first)
    assert.ok(speakers.shouldSpeak(second, true, 101_000))
  })

  it('believes the first in rank of those that were heard lately', () => {
    const speakers = createSpeakers()
    assert.equal(speakers.toAsk(0), first)
    assert.ok(speakers.hear(third, 0))
    assert.equal(speakers.toAsk(0), third)
    assert.ok(speakers.hear(second, 1000))
    assert.equal(speakers.hear(third, 2000), false)
    assert.equal(speakers.toAsk(2000), second)
    assert.ok(speakers.hear(third, 16_000))
    assert.equal(speakers.toAsk(31_000), first)
    assert.equal(speakers.hear('peer-stranger' as PeerId, 31_000), false)
  })

  it('has nobody to ask in a region without nodes', () => {
    assert.equal(new RegionSpeakers('eu', PATIENCE_MS).toAsk(0), undefined)
  })
})
