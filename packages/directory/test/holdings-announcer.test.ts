import assert from 'node:assert/strict'
import type { PeerId } from '@layermesh/interface'
import { ManualClock } from '@layermesh/testkit'
import { Fingerprint } from '../src/fingerprint.ts'
import { HoldingsAnnouncer, MAX_DELTAS, WINDOW_MS } from '../src/holdings-announcer.ts'
import { MAX_DELTA_CHANGES, type HoldingsDelta } from '../src/holdings-messages.ts'
import { claim, hashOf } from './support/hashes.ts'

const [a, b] = ['peer-a', 'peer-b'] as [PeerId, PeerId]
const one = hashOf('one')
const two = hashOf('two')

function createAnnouncer() {
  const clock = new ManualClock()
  const fingerprint = new Fingerprint()
  const published: HoldingsDelta[] = []
  const announcer = new HoldingsAnnouncer({
    clock,
    publish: (message) => published.push(message),
    fingerprint,
    epoch: 7,
    batchDelayMs: 50,
  })
  return { clock, fingerprint, published, announcer }
}

describe('HoldingsAnnouncer', () => {
  it('publishes nothing of what was there before the start', () => {
    const { clock, published, announcer } = createAnnouncer()
    announcer.added(claim(a, one))
    announcer.start()
    clock.advance(4999)
    assert.deepEqual(published, [])
    assert.deepEqual(announcer.position, { epoch: 7, sequence: 0 })
  })

  it('gathers changes for the batch delay by holder, the last state of each pair counts', () => {
    const { clock, published, announcer } = createAnnouncer()
    announcer.start()
    announcer.added(claim(a, one, 10))
    announcer.removed(a, two)
    announcer.added(claim(b, one, 10))
    clock.advance(49)
    announcer.removed(a, one)
    announcer.added(claim(a, one, 11))
    assert.deepEqual(published, [])
    clock.advance(1)
    const changes = [
      { peer: a, added: [[one, 11]], removed: [two] },
      { peer: b, added: [[one, 10]], removed: [] },
    ]
    assert.deepEqual(published, [{ kind: 'delta', epoch: 7, sequence: 1, changes }])
  })

  it('speaks no faster than others listen, and leaves the rest to be seen as lost', () => {
    const { clock, published, announcer } = createAnnouncer()
    announcer.start()
    const deltas = MAX_DELTAS + 3
    for (let index = 0; index < deltas; index += 1) {
      announcer.removed(a, hashOf(index))
      announcer.state()
    }
    assert.equal(published.length, MAX_DELTAS)
    assert.equal(announcer.position.sequence, deltas)
    clock.advance(WINDOW_MS)
    announcer.removed(a, one)
    clock.advance(50)
    assert.deepEqual(published.at(-1)?.sequence, deltas + 1)
  })

  it('cuts a batch that is too large for one message', () => {
    const { clock, published, announcer } = createAnnouncer()
    announcer.start()
    const hashes = Array.from({ length: 2 * MAX_DELTA_CHANGES + 1 }, (_, index) => hashOf(index))
    for (const hash of hashes) announcer.added(claim(a, hash))
    clock.advance(50)
    assert.deepEqual(
      published.map(({ sequence, changes }) => [sequence, changes[0]?.added.length]),
      [
        [1, 1000],
        [2, 1000],
        [3, 1],
      ],
    )
    assert.deepEqual(
      published.flatMap(({ changes }) => changes.flatMap(({ added }) => added.map(([hash]) => hash))),
      hashes,
    )
    assert.equal(announcer.position.sequence, 3)
  })

  it('says what there is as a whole, after publishing what was still waiting', () => {
    const { clock, fingerprint, published, announcer } = createAnnouncer()
    announcer.start()
    announcer.added(claim(a, two))
    fingerprint.add(0, { high: 1, low: 2 })
    assert.deepEqual(announcer.state(), { epoch: 7, sequence: 1, count: 1, fingerprint: { high: 1, low: 2 } })
    assert.equal(published.length, 1)
    clock.advance(60_000)
    assert.deepEqual(announcer.state().sequence, 1)
    assert.equal(published.length, 1)
  })

  it('publishes nothing after the stop, and leaves no timer', () => {
    const { clock, published, announcer } = createAnnouncer()
    announcer.start()
    announcer.added(claim(a, one))
    announcer.stop()
    announcer.stop()
    announcer.added(claim(a, two))
    assert.equal(clock.pendingTimers, 0)
    clock.advance(60_000)
    assert.deepEqual(published, [])
  })
})
