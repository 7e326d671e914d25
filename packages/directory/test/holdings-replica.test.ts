import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { PeerId } from '@layermesh/interface'
import { ManualClock } from '@layermesh/testkit'
import { EVERYTHING } from '../src/claim.ts'
import { HoldingsAnnouncer } from '../src/holdings-announcer.ts'
import type { AccountState } from '../src/account-state.ts'
import type { HoldingsDelta } from '../src/holdings-messages.ts'
import { HoldingsReplica, MAX_PENDING_DELTAS } from '../src/holdings-replica.ts'
import { HoldingsTable } from '../src/holdings-table.ts'
import { claim, hashOf } from './support/hashes.ts'

const [peer, other] = ['peer-a', 'peer-b'] as [PeerId, PeerId]
const [one, two, three] = [hashOf('one'), hashOf('two'), hashOf('three')]

function createReplica(maxHoldings = 1000) {
  const table = new HoldingsTable()
  const account = table.open({ regional: true, isLive: () => true })
  const replica = new HoldingsReplica({
    table,
    account,
    accepts: (holder) => holder === peer,
    maxHoldings: () => maxHoldings,
  })
  const sync = (sequence: number, held: readonly Uint8Array[], epoch = 1) => {
    replica.beginSync()
    replica.replaceBucket(
      EVERYTHING,
      held.map((hash) => claim(peer, hash)),
    )
    replica.endSync({ epoch, sequence })
  }
  const holds = (hash: Uint8Array) => table.holders(hash).includes(peer)
  return { table, account, replica, sync, holds }
}

function added(sequence: number, hash: Uint8Array, epoch = 1): HoldingsDelta {
  return { kind: 'delta', epoch, sequence, changes: [{ peer, added: [[hash, 100]], removed: [] }] }
}

function removed(sequence: number, hash: Uint8Array): HoldingsDelta {
  return { kind: 'delta', epoch: 1, sequence, changes: [{ peer, added: [], removed: [hash] }] }
}

/** What an author says that holds these blobs. */
function stateOf(sequence: number, held: readonly Uint8Array[], epoch = 1): AccountState {
  const table = new HoldingsTable()
  const account = table.open({ regional: true, isLive: () => true })
  for (const hash of held) table.add(account, claim(peer, hash))
  return { epoch, sequence, count: held.length, fingerprint: account.fingerprint.total() }
}

describe('HoldingsReplica', () => {
  it('is lost until it has been compared', () => {
    const { replica, sync, holds } = createReplica()
    assert.equal(replica.state, 'lost')
    replica.check(stateOf(0, [one]))
    assert.equal(replica.state, 'lost')
    assert.equal(replica.vouchedPosition, undefined)
    sync(0, [one])
    assert.equal(replica.state, 'current')
    assert.deepEqual(replica.vouchedPosition, { epoch: 1, sequence: 0 })
    assert.ok(holds(one))
  })

  it('needs no comparing when what it has is what the author has', () => {
    const { replica, sync } = createReplica()
    replica.check(stateOf(0, []))
    assert.equal(replica.state, 'current')
    sync(4, [one])
    // Another start of the author, and another author of the same.
    replica.check(stateOf(0, [one], 2))
    assert.deepEqual([replica.state, replica.vouchedPosition], ['current', { epoch: 2, sequence: 0 }])
    // What was lost has been undone since.
    replica.check(stateOf(2, [one], 2))
    assert.deepEqual(replica.vouchedPosition, { epoch: 2, sequence: 2 })
  })

  it('applies deltas that come in order', () => {
    const { replica, sync, holds } = createReplica()
    sync(4, [one])
    replica.receive(added(5, two))
    replica.receive(removed(6, one))
    assert.deepEqual([holds(one), holds(two), replica.state], [false, true, 'current'])
  })

  it('has a gap while a delta is missing, and applies what waited once it comes', () => {
    const { replica, sync, holds } = createReplica()
    sync(0, [])
    replica.receive(removed(3, one))
    replica.receive(added(2, two))
    assert.deepEqual([replica.state, holds(two), replica.vouchedPosition], ['gap', false, undefined])
    replica.receive(added(1, one))
    assert.deepEqual([replica.state, holds(one), holds(two)], ['current', false, true])
  })

  it('ignores what is old or repeated', () => {
    const { replica, sync, holds } = createReplica()
    sync(2, [])
    replica.receive(added(3, one))
    replica.receive(removed(4, one))
    replica.receive(added(3, one))
    replica.receive(added(1, two))
    replica.check(stateOf(3, [one]))
    replica.check(stateOf(1, []))
    assert.deepEqual([holds(one), holds(two)], [false, false])
    assert.deepEqual(replica.vouchedPosition, { epoch: 1, sequence: 4 })
  })

  it('learns of a lost delta from the next heartbeat', () => {
    const { replica, sync } = createReplica()
    sync(0, [])
    replica.check(stateOf(1, [one]))
    assert.equal(replica.state, 'gap')
    replica.receive(added(1, one))
    assert.equal(replica.state, 'current')
  })

  it('is lost when the author has something else, or is in another epoch', () => {
    for (const contradict of [
      (replica: HoldingsReplica) => replica.check(stateOf(0, [one, two])),
      (replica: HoldingsReplica) => replica.check(stateOf(0, [two])),
      (replica: HoldingsReplica) => replica.check(stateOf(3, [two], 2)),
      (replica: HoldingsReplica) => replica.receive(added(1, two, 2)),
    ]) {
      const { replica, sync, holds } = createReplica()
      sync(0, [one])
      contradict(replica)
      assert.equal(replica.state, 'lost')
      assert.ok(holds(one))
      sync(7, [three], 2)
      assert.equal(replica.state, 'current')
      assert.deepEqual([holds(one), holds(three)], [false, true])
    }
  })

  it('keeps deltas back while it is compared, and applies those that come after', () => {
    const { replica, holds } = createReplica()
    replica.beginSync()
    replica.receive(added(5, one))
    replica.receive(removed(7, two))
    replica.receive(added(6, three))
    assert.equal(holds(three), false)
    replica.replaceBucket(EVERYTHING, [claim(peer, one), claim(peer, two)])
    replica.endSync({ epoch: 1, sequence: 5 })
    assert.deepEqual([holds(one), holds(two), holds(three), replica.state], [true, false, true, 'current'])
  })

  it('goes on with what it has when nobody could be compared with', () => {
    const { replica, sync, holds } = createReplica()
    sync(0, [one])
    replica.beginSync()
    replica.receive(added(1, two))
    assert.equal(holds(two), false)
    replica.giveUpSync()
    assert.ok(holds(two))
    assert.equal(replica.state, 'current')
  })

  it('has a gap when the one that it was compared with is behind', () => {
    const { replica, sync } = createReplica()
    sync(0, [])
    replica.receive(added(9, two))
    sync(8, [one])
    assert.equal(replica.state, 'current')
    sync(7, [one])
    assert.equal(replica.state, 'gap')
  })

  it('has room for deltas that it waits with, however many old ones are repeated', () => {
    const { replica, sync, holds } = createReplica()
    sync(5, [])
    for (let count = 0; count < 2 * MAX_PENDING_DELTAS; count += 1) replica.receive(added(5, three))
    replica.receive(added(7, two))
    replica.receive(added(6, one))
    assert.deepEqual([holds(one), holds(two), holds(three)], [true, true, false])
  })

  it('takes nothing about holders that its author may not speak of', () => {
    const { table, replica, sync } = createReplica()
    sync(0, [one])
    replica.receive({
      kind: 'delta',
      epoch: 1,
      sequence: 1,
      changes: [{ peer: other, added: [[one, 1]], removed: [] }],
    })
    replica.replaceBucket(EVERYTHING, [claim(peer, one), claim(other, two)])
    assert.deepEqual([table.holders(one), table.holders(two)], [[peer], []])
  })

  it('takes no more holdings than it may, and no more pending deltas', () => {
    const { replica, account, sync } = createReplica(2)
    sync(0, [one])
    replica.receive(added(1, two))
    replica.receive(added(2, three))
    assert.equal(account.summaryOf(peer).blobs, 2)
    replica.check(stateOf(2, [one, two, three]))
    assert.equal(replica.state, 'lost')

    const second = createReplica()
    second.sync(0, [])
    for (let sequence = 2; sequence < MAX_PENDING_DELTAS + 10; sequence += 1) {
      second.replica.receive(added(sequence, hashOf(sequence)))
    }
    second.replica.receive(added(1, one))
    assert.equal(second.account.summaryOf(peer).blobs, 1 + MAX_PENDING_DELTAS)
    assert.equal(second.replica.state, 'gap')
  })

  it('equals its author after any loss, repetition and disorder, once it is compared when it says so', () => {
    const change = fc.record({
      add: fc.boolean(),
      blob: fc.nat(12),
      fate: fc.constantFrom('arrives', 'lost', 'twice', 'late'),
      check: fc.boolean(),
    })
    fc.assert(
      fc.property(fc.array(change, { maxLength: 80 }), (changes) => {
        const clock = new ManualClock()
        const published: HoldingsDelta[] = []
        const author = new HoldingsTable()
        const own = author.open({ regional: true, isLive: () => true })
        const announcer = new HoldingsAnnouncer({
          clock,
          publish: (delta) => published.push(delta),
          fingerprint: own.fingerprint,
          epoch: 1,
          batchDelayMs: 50,
        })
        announcer.start()
        const { replica, account, sync } = createReplica()
        sync(0, [])
        let late: HoldingsDelta[] = []
        for (const { add, blob, fate, check } of changes) {
          const hash = hashOf(blob)
          if (add && author.add(own, claim(peer, hash))) announcer.added(claim(peer, hash))
          else if (!add && author.remove(own, peer, hash)) announcer.removed(peer, hash)
          clock.advance(50)
          const sent = published.splice(0)
          if (fate === 'late') late.push(...sent)
          else {
            for (const delta of fate === 'lost' ? [] : sent) replica.receive(delta)
            for (const delta of fate === 'twice' ? sent : []) replica.receive(delta)
            for (const delta of late.toReversed()) replica.receive(delta)
            late = []
          }
          if (check) replica.check(announcer.state())
        }
        replica.check(announcer.state())
        if (replica.state !== 'current') {
          const { sequence } = announcer.position
          sync(
            sequence,
            author.claimsIn(own, EVERYTHING).map(({ hash }) => hash),
          )
        }
        assert.equal(replica.state, 'current')
        assert.equal(account.fingerprint.count, own.fingerprint.count)
        assert.deepEqual(account.fingerprint.total(), own.fingerprint.total())
      }),
      { numRuns: 500 },
    )
  })
})
