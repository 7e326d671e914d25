import assert from 'node:assert/strict'
import type { PeerId } from '@layermesh/interface'
import {
  DialPlan,
  KEEP_DIALLING_MS,
  MISS_FOR_MS,
  REFUSED_DELAY_MS,
  type DialTarget,
} from '../src/dial-plan.ts'

describe('DialPlan', () => {
  const self = 'self' as PeerId
  const alice = 'alice' as PeerId
  const [first, second] = ['/ip4/192.0.2.1/tcp/4001', '/ip4/192.0.2.2/tcp/4001'] as const
  const nobody = () => false

  const planOf = (...bootstrap: string[]) => new DialPlan(self, bootstrap, () => 0)

  const takeOne = (plan: DialPlan, nowMs: number): DialTarget => {
    const [target, ...others] = plan.takeDue(nowMs, nobody, Infinity)
    assert.ok(target !== undefined && others.length === 0)
    return target
  }

  describe('bootstrap addresses', () => {
    it('are due at once, each on its own', () => {
      const targets = planOf(first, second).takeDue(0, nobody, Infinity)
      assert.deepEqual(
        targets.map(({ addresses }) => addresses),
        [[first], [second]],
      )
    })

    it('are dialled again for ever, ever more slowly', () => {
      const plan = planOf(first)
      let nowMs = 0
      const pauses = []
      for (let attempt = 0; attempt < 20; attempt += 1) {
        plan.settle(takeOne(plan, nowMs), { kind: 'failed' }, nowMs)
        const dueMs = plan.nextDueMs() ?? 0
        pauses.push(dueMs - nowMs)
        nowMs = dueMs
      }
      assert.deepEqual(pauses.slice(0, 3), [1000, 2000, 4000])
      assert.equal(pauses.at(-1), 60_000)
    })

    it('are dialled again when the peer that was found there has left, not before', () => {
      const plan = planOf(first)
      plan.settle(takeOne(plan, 0), { kind: 'joined', peer: alice }, 0)
      assert.equal(plan.nextDueMs(), undefined)
      plan.left(alice, 5000)
      assert.equal(plan.nextDueMs(), 6000)
      assert.deepEqual(takeOne(plan, 6000).addresses, [first])
    })

    it('are left alone for a while when the peer refused or is this node', () => {
      for (const kind of ['refused', 'self'] as const) {
        const plan = planOf(first)
        plan.settle(takeOne(plan, 0), { kind }, 0)
        assert.equal(plan.nextDueMs(), REFUSED_DELAY_MS)
      }
    })
  })

  describe('learn', () => {
    it('makes a new peer due at once, and does not hurry one that fails', () => {
      const plan = planOf()
      plan.learn(alice, [first], 0)
      plan.settle(takeOne(plan, 0), { kind: 'failed' }, 0)
      plan.learn(alice, [second], 10)
      assert.equal(plan.nextDueMs(), 1000)
      assert.deepEqual(takeOne(plan, 1000).addresses, [first, second])
    })

    it('ignores this node, and peers without an address', () => {
      const plan = planOf()
      plan.learn(self, [first], 0)
      plan.learn(alice, [], 0)
      assert.equal(plan.nextDueMs(), undefined)
    })

    it('bounds how many peers and addresses are kept', () => {
      const plan = planOf()
      for (let index = 0; index < 2000; index += 1) plan.learn(`peer-${index}` as PeerId, [first], 0)
      assert.equal(plan.takeDue(0, nobody, Infinity).length, 1024)
      const other = planOf()
      for (let port = 1; port < 100; port += 1) other.learn(alice, [`/ip4/192.0.2.1/tcp/${port}`], 0)
      assert.equal(takeOne(other, 0).addresses.length, 16)
    })
  })

  it('gives out no more targets than it is asked for, and the others next', () => {
    const plan = planOf(first, second)
    assert.deepEqual(plan.takeDue(0, nobody, 1)[0]?.addresses, [first])
    assert.equal(plan.nextDueMs(), 0)
    assert.deepEqual(takeOne(plan, 0).addresses, [second])
    assert.equal(plan.nextDueMs(), undefined)
  })

  it('gives out bootstrap addresses first, then whom it has heard of last', () => {
    const plan = planOf(first, second)
    const named = ['alice', 'bob', 'carol'].map((name) => name as PeerId)
    for (const [nowMs, peer] of named.entries()) plan.learn(peer, [first], nowMs)
    plan.learn(alice, [second], 3)
    assert.deepEqual(
      plan.takeDue(3, nobody, 4).map(({ peer, addresses }) => peer ?? addresses[0]),
      [first, second, 'alice', 'carol'],
    )
    assert.equal(takeOne(plan, 3).peer, 'bob')
  })

  it('forgets a peer that could not be reached for long', () => {
    const plan = planOf()
    plan.learn(alice, [first], 0)
    plan.settle(takeOne(plan, 0), { kind: 'failed' }, KEEP_DIALLING_MS - 1)
    assert.deepEqual(plan.takeDue(KEEP_DIALLING_MS, nobody, Infinity), [])
    assert.equal(plan.nextDueMs(), undefined)
  })

  it('does not dial a peer that has become a member meanwhile', () => {
    const plan = planOf()
    plan.learn(alice, [first], 0)
    assert.deepEqual(
      plan.takeDue(0, (peer) => peer === alice, Infinity),
      [],
    )
  })

  it('believes a member about its own addresses', () => {
    const plan = planOf()
    plan.learn(alice, [first], 0)
    plan.joined(alice, [second], 1)
    assert.equal(plan.nextDueMs(), undefined)
    plan.left(alice, 2)
    assert.deepEqual(takeOne(plan, 1002).addresses, [second])
  })

  describe('left', () => {
    it('waits until the time that is named, and counts how long to try from there', () => {
      const plan = planOf()
      plan.joined(alice, [first], 0)
      const untilMs = 2 * KEEP_DIALLING_MS
      plan.left(alice, 0, { notBeforeMs: untilMs })
      assert.equal(plan.nextDueMs(), untilMs + 1000)
      assert.deepEqual(takeOne(plan, untilMs + 1000).addresses, [first])
    })

    it('makes a peer due that is being dialled, whatever comes of it', () => {
      const plan = planOf()
      plan.learn(alice, [first], 0)
      const target = takeOne(plan, 0)
      plan.joined(alice, [first], 1)
      plan.left(alice, 2)
      plan.settle(target, { kind: 'joined', peer: alice }, 3)
      assert.equal(plan.nextDueMs(), 1002)
    })
  })

  it('starts its count of failures again after each success', () => {
    const plan = planOf(first)
    plan.settle(takeOne(plan, 0), { kind: 'failed' }, 0)
    plan.settle(takeOne(plan, 1000), { kind: 'failed' }, 1000)
    plan.settle(takeOne(plan, 3000), { kind: 'joined', peer: alice }, 3000)
    plan.left(alice, 4000)
    assert.equal(plan.nextDueMs(), 5000)
  })

  describe('resolved', () => {
    const nobody = () => false
    const random = () => 1
    const self = 'self' as PeerId

    it('has new addresses dialled at once, those that are still there when they are due, and others no more', () => {
      const plan = new DialPlan(self, [], random)
      plan.resolved(['one', 'two'], 1000)
      const [one, two] = plan.takeDue(1000, nobody, 10)
      assert.deepEqual([one?.addresses, two?.addresses], [['one'], ['two']])
      plan.settle(one!, { kind: 'failed' }, 1000)
      plan.settle(two!, { kind: 'failed' }, 1000)
      plan.resolved(['two', 'three'], 1100)
      assert.deepEqual(
        plan.takeDue(1100, nobody, 10).map(({ addresses }) => addresses),
        [['three']],
      )
      assert.deepEqual(
        plan.takeDue(3_600_000, nobody, 10).map(({ addresses }) => addresses),
        [['two']],
      )
    })
  })

  describe('missed', () => {
    it('counts whom this node knows of and has not met, each once', () => {
      const plan = planOf(first)
      plan.learn(alice, [second], 0)
      assert.equal(plan.missed(0, 0), 2)
      const target = plan.takeDue(0, nobody, Infinity).find(({ bootstrap }) => bootstrap)
      assert.ok(target !== undefined)
      plan.settle(target, { kind: 'joined', peer: alice }, 1)
      plan.joined(alice, [second], 1)
      assert.equal(plan.missed(1, 1), 0)
      plan.left(alice, 2)
      assert.equal(plan.missed(2, 0), 1)
    })

    it('does not count an address whose peer had joined before the dial was over', () => {
      const plan = planOf(first)
      const target = takeOne(plan, 0)
      plan.joined(alice, [second], 1)
      plan.settle(target, { kind: 'joined', peer: alice }, 1)
      assert.equal(plan.missed(1, 1), 0)
    })

    it('leaves out who has left of its own will, has refused, or was this node', () => {
      const plan = planOf(first)
      plan.settle(takeOne(plan, 0), { kind: 'self' }, 0)
      plan.learn(alice, [second], 0)
      plan.joined(alice, [second], 1)
      plan.left(alice, 2, { missed: false })
      assert.equal(plan.missed(2, 0), 0)
    })

    it('forgets after a while who does not come back, while there are others', () => {
      const plan = planOf()
      plan.learn(alice, [first], 0)
      plan.joined(alice, [first], 0)
      plan.left(alice, 1000)
      assert.equal(plan.missed(999 + MISS_FOR_MS, 1), 1)
      assert.equal(plan.missed(1000 + MISS_FOR_MS, 1), 0)
      assert.equal(plan.missed(1000 + MISS_FOR_MS, 0), 1)
    })

    it('can be made due at once, but not those that nobody misses', () => {
      const plan = planOf()
      const bob = 'bob' as PeerId
      for (const peer of [alice, bob]) {
        plan.learn(peer, [first], 0)
        plan.joined(peer, [first], 0)
      }
      plan.left(alice, 1)
      plan.left(bob, 1, { missed: false })
      plan.hasten(2)
      assert.equal(takeOne(plan, 2).peer, alice)
    })
  })

  it('remembers who has told of a peer', () => {
    const plan = new DialPlan('self' as PeerId, [], () => 1)
    const [via, peer] = ['via' as PeerId, 'peer' as PeerId]
    plan.learn(peer, ['there'], 0, via)
    plan.learn(peer, ['elsewhere'], 0)
    assert.equal(plan.takeDue(0, () => false, 10)[0]?.via, via)
  })
})
