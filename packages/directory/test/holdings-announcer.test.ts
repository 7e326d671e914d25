import assert from 'node:assert/strict'
import type { PeerId } from '@layermesh/interface'
import { ManualClock } from '@layermesh/testkit'
import { HoldingsAnnouncer } from '../src/holdings-announcer.ts'
import { MAX_DELTA_CHANGES, type HoldingsDelta, type HoldingsHeartbeat } from '../src/holdings-messages.ts'
import { claim, hashOf } from './support/hashes.ts'

const [a, b] = ['peer-a', 'peer-b'] as [PeerId, PeerId]
const one = hashOf('one')
const two = hashOf('two')
const summary = { count: 2, fingerprint: { high: 1, low: 2 } }

function createAnnouncer() {
  const clock = new ManualClock()
  const published: (HoldingsDelta | HoldingsHeartbeat)[] = []
  const announcer = new HoldingsAnnouncer({
    clock,
    publish: (message) => published.push(message),
    summary: () => summary,
    epoch: 7,
    batchDelayMs: 50,
    heartbeatIntervalMs: 5000,
  })
  return { clock, published, announcer }
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

  it('cuts a batch that is too large for one message', () => {
    const { clock, published, announcer } = createAnnouncer()
    announcer.start()
    const hashes = Array.from({ length: 2 * MAX_DELTA_CHANGES + 1 }, (_, index) => hashOf(index))
    for (const hash of hashes) announcer.added(claim(a, hash))
    clock.advance(50)
    const deltas = published as HoldingsDelta[]
    assert.deepEqual(
      deltas.map(({ sequence, changes }) => [sequence, changes[0]?.added.length]),
      [
        [1, 1000],
        [2, 1000],
        [3, 1],
      ],
    )
    assert.deepEqual(
      deltas.flatMap(({ changes }) => changes.flatMap(({ added }) => added.map(([hash]) => hash))),
      hashes,
    )
    assert.equal(announcer.position.sequence, 3)
  })

  it('says at each interval what there is as a whole, after what was still waiting', () => {
    const { clock, published, announcer } = createAnnouncer()
    announcer.start()
    clock.advance(4990)
    announcer.added(claim(a, two))
    clock.advance(10)
    assert.deepEqual(
      published.map(({ kind }) => kind),
      ['delta', 'heartbeat'],
    )
    assert.deepEqual(published[1], { kind: 'heartbeat', epoch: 7, sequence: 1, ...summary })
    clock.advance(5000)
    assert.deepEqual(published[2], published[1])
    assert.equal(published.length, 3)
    announcer.beat()
    assert.deepEqual(published[3], published[1])
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
