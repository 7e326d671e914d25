import assert from 'node:assert/strict'
import { setImmediate } from 'node:timers/promises'
import { MAX_GOSSIP_BYTES, type PeerId } from '@layermesh/interface'
import { TestCluster, type TestNode } from './support/cluster.ts'

const TOPIC = '/layermesh/test/1'

describe('Gossip', () => {
  let cluster: TestCluster

  beforeEach(() => (cluster = new TestCluster()))
  afterEach(() => cluster[Symbol.asyncDispose]())

  /** Gossip is best effort, and subscriptions take time to spread: publishes again and again until `received`. */
  const publishUntil = async (
    received: Promise<unknown>,
    ...messages: (readonly [TestNode, Uint8Array])[]
  ) => {
    const done = new AbortController()
    void received.then(() => done.abort())
    while (!done.signal.aborted) {
      for (const [author, message] of messages) await author.network.publish(TOPIC, message)
      await setImmediate()
    }
  }

  const firstMessage = ({ network }: TestNode) => {
    const { promise, resolve } = Promise.withResolvers<readonly [PeerId, Uint8Array]>()
    network.subscribe(TOPIC, (from, message) => resolve([from, message]))
    return promise
  }

  it('reaches all of twelve nodes, from an author that has not subscribed', async () => {
    const [author, ...others] = (await cluster.startAll(12)) as [TestNode, ...TestNode[]]
    const received = Promise.all(others.map(firstMessage))
    await publishUntil(received, [author, Uint8Array.of(7)])
    for (const [from, message] of await received) {
      assert.equal(from, author.peer)
      assert.deepEqual([...message], [7])
    }
  })

  it('carries a message of the greatest length', async () => {
    const [author, other] = (await cluster.startAll(2)) as [TestNode, TestNode]
    const received = firstMessage(other)
    const longest = new Uint8Array(MAX_GOSSIP_BYTES).fill(3)
    await publishUntil(received, [author, longest])
    assert.deepEqual((await received)[1], longest)
  })

  it('drops what an author has published who is no member here, though a member passes it on', async () => {
    const nodes = await cluster.startAll(3)
    const [stranger, relay, node] = nodes as [TestNode, TestNode, TestNode]
    node.network.ban(stranger.peer, 3_600_000)
    const heard = new Set<string>()
    const relayed = firstMessage(relay)
    const received = Promise.withResolvers<undefined>()
    node.network.subscribe(TOPIC, (from) => {
      heard.add(from)
      if (from === relay.peer) received.resolve(undefined)
    })
    const both = Promise.all([relayed, received.promise])
    await publishUntil(both, [stranger, Uint8Array.of(1)], [relay, Uint8Array.of(2)])
    // What the relay publishes now comes after what it has passed on.
    const last = firstMessage(node)
    await publishUntil(last, [relay, Uint8Array.of(3)])
    assert.deepEqual([...heard], [relay.peer])
  })

  it('goes on with a member that stays when another one leaves', async () => {
    const [author, leaving, staying] = (await cluster.startAll(3)) as [TestNode, TestNode, TestNode]
    const before = firstMessage(staying)
    await publishUntil(before, [author, Uint8Array.of(1)])
    await leaving.network.stop()
    const after = firstMessage(staying)
    await publishUntil(after, [author, Uint8Array.of(2)])
    assert.equal((await after)[0], author.peer)
  })

  it('goes on with the other handlers when one throws', async () => {
    const [author, other] = (await cluster.startAll(2)) as [TestNode, TestNode]
    other.network.subscribe(TOPIC, () => {
      throw new Error('a handler failed')
    })
    const received = firstMessage(other)
    await publishUntil(received, [author, Uint8Array.of(1)])
    assert.equal((await other.log.line('gossip handler failed')).level, 'error')
  })

  it('counts subscriptions, not handlers: one of two that are the same can end', async () => {
    const [author, other] = (await cluster.startAll(2)) as [TestNode, TestNode]
    const { promise, resolve } = Promise.withResolvers<undefined>()
    const handler = () => resolve(undefined)
    const unsubscribe = other.network.subscribe(TOPIC, handler)
    other.network.subscribe(TOPIC, handler)
    unsubscribe()
    unsubscribe()
    await publishUntil(promise, [author, Uint8Array.of(1)])
  })

  describe('publish', () => {
    it('is no error when there is nobody, before start and after stop', async () => {
      const { network } = await cluster.create()
      await network.publish(TOPIC, Uint8Array.of(1))
      network.subscribe(TOPIC, () => {})
      await network.start()
      await network.publish(TOPIC, Uint8Array.of(1))
      await network.stop()
      await network.publish(TOPIC, Uint8Array.of(1))
      network.subscribe('/layermesh/test/2', () => {})()
    })

    it('rejects with RangeError when the message is too long', async () => {
      const { network } = await cluster.start()
      await assert.rejects(network.publish(TOPIC, new Uint8Array(MAX_GOSSIP_BYTES + 1)), RangeError)
    })
  })
})
