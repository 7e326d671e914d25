import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { Digest, PeerId } from '@layermesh/interface'
import { digestOf } from '@layermesh/oci'
import { ManualClock } from '@layermesh/testkit'
import { HoldingsAnnouncer } from '../src/holdings-announcer.ts'
import type { HoldingsDelta, HoldingsHeartbeat } from '../src/holdings-messages.ts'
import { HoldingsReplica, MAX_PENDING_DELTAS } from '../src/holdings-replica.ts'
import { HoldingsTable } from '../src/holdings-table.ts'

const peer = 'peer-a' as PeerId
const [one, two, three] = ['one', 'two', 'three'].map((name) => digestOf(Buffer.from(name))) as [
  Digest,
  Digest,
  Digest,
]

function createReplica(maxHoldings = 1000) {
  const table = new HoldingsTable()
  const replica = new HoldingsReplica({ peer, table, maxHoldings })
  return { table, replica, holds: (digest: Digest) => table.holders(digest).includes(peer) }
}

function added(sequence: number, digest: Digest, epoch = 1): HoldingsDelta {
  return { kind: 'delta', epoch, sequence, added: [[digest, 10]], removed: [] }
}

function removed(sequence: number, digest: Digest): HoldingsDelta {
  return { kind: 'delta', epoch: 1, sequence, added: [], removed: [digest] }
}

function heartbeat(sequence: number, count: number, epoch = 1): HoldingsHeartbeat {
  return { kind: 'heartbeat', epoch, sequence, count }
}

function snapshot(sequence: number, digests: readonly Digest[], epoch = 1) {
  return { epoch, sequence, holdings: new Map(digests.map((digest) => [digest, 10])) }
}

describe('HoldingsReplica', () => {
  it('is lost until it has a snapshot', () => {
    const { replica, holds } = createReplica()
    assert.equal(replica.state, 'lost')
    replica.receive(heartbeat(0, 0))
    assert.equal(replica.state, 'lost')
    replica.restore(snapshot(0, [one]))
    assert.equal(replica.state, 'current')
    assert.ok(holds(one))
  })

  it('applies deltas that come in order', () => {
    const { replica, holds } = createReplica()
    replica.restore(snapshot(4, [one]))
    replica.receive(added(5, two))
    replica.receive(removed(6, one))
    assert.deepEqual([holds(one), holds(two), replica.state], [false, true, 'current'])
  })

  it('has a gap while a delta is missing, and applies what waited once it comes', () => {
    const { replica, holds } = createReplica()
    replica.restore(snapshot(0, []))
    replica.receive(removed(3, one))
    replica.receive(added(2, two))
    assert.deepEqual([replica.state, holds(two)], ['gap', false])
    replica.receive(added(1, one))
    assert.deepEqual([replica.state, holds(one), holds(two)], ['current', false, true])
  })

  it('ignores deltas and heartbeats that are old or repeated', () => {
    const { replica, holds } = createReplica()
    replica.restore(snapshot(2, []))
    replica.receive(added(3, one))
    replica.receive(removed(4, one))
    replica.receive(added(3, one))
    replica.receive(added(1, two))
    replica.receive(heartbeat(3, 1))
    assert.deepEqual([holds(one), holds(two), replica.state], [false, false, 'current'])
  })

  it('learns of a lost delta from the next heartbeat', () => {
    const { replica } = createReplica()
    replica.restore(snapshot(0, []))
    replica.receive(heartbeat(1, 1))
    assert.equal(replica.state, 'gap')
    replica.receive(added(1, one))
    assert.equal(replica.state, 'current')
  })

  it('is lost when the member counts otherwise, or is in another epoch', () => {
    for (const message of [heartbeat(0, 2), heartbeat(0, 1, 2), added(1, two, 2)]) {
      const { replica, holds } = createReplica()
      replica.restore(snapshot(0, [one]))
      replica.receive(message)
      assert.equal(replica.state, 'lost')
      assert.ok(holds(one))
      replica.restore(snapshot(7, [three], message.epoch))
      assert.equal(replica.state, 'current')
      assert.deepEqual([holds(one), holds(three)], [false, true])
    }
  })

  it('keeps deltas back during a sync, and applies those that the snapshot lacks', () => {
    const { replica, holds } = createReplica()
    replica.beginSync()
    replica.receive(added(5, one))
    replica.receive(removed(7, two))
    replica.receive(added(6, three))
    assert.equal(holds(three), false)
    replica.restore(snapshot(5, [one, two]))
    assert.deepEqual([holds(one), holds(two), holds(three), replica.state], [true, false, true, 'current'])
  })

  it('goes on from where it was when there is no snapshot', () => {
    const { replica, holds } = createReplica()
    replica.restore(snapshot(0, []))
    replica.beginSync()
    replica.receive(added(1, one))
    assert.equal(holds(one), false)
    replica.giveUpSync()
    assert.deepEqual([holds(one), replica.state], [true, 'current'])
  })

  it('has a gap after a snapshot that is older than what it has heard of', () => {
    const { replica } = createReplica()
    replica.restore(snapshot(0, []))
    replica.beginSync()
    replica.receive(heartbeat(9, 3))
    replica.restore(snapshot(8, [one]))
    assert.equal(replica.state, 'gap')
  })

  it('forgets what the member turned out not to have, and still agrees with its count', () => {
    const { replica, holds } = createReplica()
    replica.restore(snapshot(0, [one, two]))
    replica.forget(one)
    replica.forget(three)
    assert.equal(holds(one), false)
    replica.receive(heartbeat(0, 2))
    assert.equal(replica.state, 'current')
    replica.receive(removed(1, one))
    replica.receive(heartbeat(1, 1))
    assert.equal(replica.state, 'current')
  })

  it('believes a snapshot about what it has forgotten', () => {
    const { replica, holds } = createReplica()
    replica.restore(snapshot(0, [one]))
    replica.forget(one)
    replica.restore(snapshot(1, [one, two]))
    assert.ok(holds(one))
    replica.receive(heartbeat(1, 2))
    assert.equal(replica.state, 'current')
  })

  it('has room for deltas that it waits with, however many old ones are repeated', () => {
    const { replica, holds } = createReplica()
    replica.restore(snapshot(5, []))
    for (let count = 0; count < 2 * MAX_PENDING_DELTAS; count += 1) replica.receive(added(5, three))
    replica.receive(added(7, two))
    replica.receive(added(6, one))
    assert.deepEqual([holds(one), holds(two), holds(three)], [true, true, false])
  })

  it('takes a forgotten blob for held again once the member announces it again', () => {
    const { replica, holds } = createReplica()
    replica.restore(snapshot(0, [one]))
    replica.forget(one)
    replica.receive(added(1, one))
    assert.ok(holds(one))
    replica.receive(heartbeat(1, 1))
    assert.equal(replica.state, 'current')
  })

  it('takes no more holdings than it may, and no more pending deltas', () => {
    const { replica, table } = createReplica(2)
    replica.restore(snapshot(0, [one]))
    replica.receive({
      ...added(1, two),
      added: [
        [two, 10],
        [three, 10],
      ],
    })
    assert.equal(table.summaryOf(peer).blobs, 2)
    replica.receive(heartbeat(1, 3))
    assert.equal(replica.state, 'lost')

    const other = createReplica()
    other.replica.restore(snapshot(0, []))
    for (let sequence = 2; sequence < MAX_PENDING_DELTAS + 10; sequence += 1) {
      other.replica.receive(added(sequence, digestOf(Buffer.from(String(sequence)))))
    }
    other.replica.receive(added(1, one))
    assert.equal(other.table.summaryOf(peer).blobs, 1 + MAX_PENDING_DELTAS)
    assert.equal(other.replica.state, 'gap')
  })

  it('is cleared with all that it holds', () => {
    const { replica, table } = createReplica()
    replica.restore(snapshot(0, [one, two]))
    replica.clear()
    assert.equal(table.pairs, 0)
  })

  it('equals its member after any loss, repetition and disorder, once a gap is made good by a snapshot', () => {
    const change = fc.record({
      add: fc.boolean(),
      blob: fc.nat(12),
      fate: fc.constantFrom('arrives', 'lost', 'twice', 'late'),
    })
    fc.assert(
      fc.property(fc.array(change, { maxLength: 80 }), (changes) => {
        const clock = new ManualClock()
        const published: (HoldingsDelta | HoldingsHeartbeat)[] = []
        const announcer = new HoldingsAnnouncer({
          clock,
          publish: (message) => published.push(message),
          epoch: 1,
          batchDelayMs: 50,
          heartbeatIntervalMs: 1_000_000,
        })
        announcer.start()
        const { replica, table } = createReplica()
        replica.restore(announcer.snapshot())
        let late: (HoldingsDelta | HoldingsHeartbeat)[] = []
        for (const { add, blob, fate } of changes) {
          const digest = digestOf(Buffer.from(String(blob)))
          if (add) announcer.add(digest, 10)
          else announcer.remove(digest)
          clock.advance(50)
          const sent = published.splice(0)
          if (fate === 'late') late.push(...sent)
          else {
            for (const message of fate === 'lost' ? [] : sent) replica.receive(message)
            for (const message of fate === 'twice' ? sent : []) replica.receive(message)
            for (const message of late.toReversed()) replica.receive(message)
            late = []
          }
        }
        clock.advance(1_000_000)
        for (const message of published) replica.receive(message)
        if (replica.state !== 'current') {
          replica.beginSync()
          replica.restore(announcer.snapshot())
        }
        assert.equal(replica.state, 'current')
        const own = announcer.snapshot().holdings
        assert.equal(table.pairs, own.size)
        for (const digest of own.keys()) assert.deepEqual(table.holders(digest), [peer])
      }),
      { numRuns: 500 },
    )
  })
})
