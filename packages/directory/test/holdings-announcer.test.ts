import assert from 'node:assert/strict'
import { digestOf } from '@layermesh/oci'
import { ManualClock } from '@layermesh/testkit'
import { HoldingsAnnouncer } from '../src/holdings-announcer.ts'
import { MAX_DELTA_CHANGES, type HoldingsDelta, type HoldingsHeartbeat } from '../src/holdings-messages.ts'

const one = digestOf(Buffer.from('one'))
const two = digestOf(Buffer.from('two'))

function createAnnouncer() {
  const clock = new ManualClock()
  const published: (HoldingsDelta | HoldingsHeartbeat)[] = []
  const announcer = new HoldingsAnnouncer({
    clock,
    publish: (message) => published.push(message),
    epoch: 7,
    batchDelayMs: 50,
    heartbeatIntervalMs: 5000,
  })
  return { clock, published, announcer }
}

describe('HoldingsAnnouncer', () => {
  it('publishes nothing of what was there before the start, but has it in its snapshot', () => {
    const { clock, published, announcer } = createAnnouncer()
    announcer.add(one, 10)
    announcer.start()
    clock.advance(4999)
    assert.deepEqual(published, [])
    assert.deepEqual(announcer.snapshot(), { epoch: 7, sequence: 0, holdings: new Map([[one, 10]]) })
  })

  it('gathers changes for the batch delay, the last state of each digest counts', () => {
    const { clock, published, announcer } = createAnnouncer()
    announcer.add(two, 20)
    announcer.start()
    announcer.add(one, 10)
    announcer.remove(two)
    clock.advance(49)
    announcer.remove(one)
    announcer.add(one, 11)
    assert.deepEqual(published, [])
    clock.advance(1)
    assert.deepEqual(published, [
      { kind: 'delta', epoch: 7, sequence: 1, added: [[one, 11]], removed: [two] },
    ])
  })

  it('publishes nothing for what changes nothing', () => {
    const { clock, published, announcer } = createAnnouncer()
    announcer.add(one, 10)
    announcer.start()
    announcer.add(one, 10)
    announcer.remove(two)
    clock.advance(4000)
    assert.deepEqual(published, [])
  })

  it('cuts a batch that is too large for one message', () => {
    const { clock, published, announcer } = createAnnouncer()
    announcer.start()
    const digests = Array.from({ length: 2 * MAX_DELTA_CHANGES + 1 }, (_, index) =>
      digestOf(Buffer.from(String(index))),
    )
    for (const digest of digests) announcer.add(digest, 1)
    clock.advance(50)
    const deltas = published as HoldingsDelta[]
    assert.deepEqual(
      deltas.map(({ sequence, added }) => [sequence, added.length]),
      [
        [1, 1000],
        [2, 1000],
        [3, 1],
      ],
    )
    assert.deepEqual(
      deltas.flatMap(({ added }) => added.map(([digest]) => digest)),
      digests,
    )
    assert.equal(announcer.snapshot().sequence, 3)
  })

  it('says at each interval how far it has come, after what was still waiting', () => {
    const { clock, published, announcer } = createAnnouncer()
    announcer.add(one, 10)
    announcer.start()
    clock.advance(4990)
    announcer.add(two, 20)
    clock.advance(10)
    assert.deepEqual(
      published.map(({ kind }) => kind),
      ['delta', 'heartbeat'],
    )
    assert.deepEqual(published[1], { kind: 'heartbeat', epoch: 7, sequence: 1, count: 2 })
    clock.advance(5000)
    assert.deepEqual(published[2], { kind: 'heartbeat', epoch: 7, sequence: 1, count: 2 })
    assert.equal(published.length, 3)
  })

  it('has its own copy of what it holds in a snapshot', () => {
    const { announcer } = createAnnouncer()
    announcer.add(one, 10)
    const { holdings } = announcer.snapshot()
    announcer.remove(one)
    assert.ok(holdings.has(one))
  })

  it('publishes nothing after the stop, and leaves no timer', () => {
    const { clock, published, announcer } = createAnnouncer()
    announcer.start()
    announcer.add(one, 10)
    announcer.stop()
    announcer.stop()
    announcer.add(two, 10)
    assert.equal(clock.pendingTimers, 0)
    clock.advance(60_000)
    assert.deepEqual(published, [])
  })
})
