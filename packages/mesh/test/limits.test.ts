import assert from 'node:assert/strict'
import { setImmediate } from 'node:timers/promises'
import type { PeerNetwork } from '@layermesh/interface'
import { leaves, TestCluster, type TestNode } from './support/cluster.ts'

const PROTOCOL = '/layermesh/test/1.0.0'
const TOPIC = '/layermesh/test/1'

describe('limits of a peer', () => {
  let cluster: TestCluster
  let nodes: readonly [TestNode, TestNode, TestNode]

  beforeEach(async () => {
    cluster = new TestCluster()
    nodes = (await cluster.startAll(3, {
      limits: { messages: { perSecond: 1, burst: 40 }, streams: { perSecond: 1, burst: 60 } },
    })) as unknown as typeof nodes
  })
  afterEach(() => cluster[Symbol.asyncDispose]())

  const echo = async (node: TestNode) =>
    node.network.handle(PROTOCOL, async (stream) => {
      const frame = await stream.receive()
      if (frame !== undefined) await stream.send(frame)
    })

  const ask = async (from: PeerNetwork, to: TestNode) => {
    const stream = await from.openStream(to.peer, PROTOCOL)
    await stream.send(Uint8Array.of(7))
    assert.deepEqual([...((await stream.receive()) ?? [])], [7])
    await stream.close()
  }

  it('cut off one that floods with gossip, at everybody who hears it, and nobody else', async () => {
    const [one, two, flooder] = nodes
    await echo(two)
    for (const { network } of nodes) network.subscribe(TOPIC, () => {})
    const left = [leaves(one.network, flooder.peer), leaves(two.network, flooder.peer)]
    let gone = 0
    for (const promise of left) void promise.then(() => (gone += 1))
    for (let turn = 0; gone < 2; turn += 1) {
      await flooder.network.publish(TOPIC, Uint8Array.of(turn >> 16, turn >> 8, turn & 255))
      if (turn % 20 === 0) await setImmediate()
    }
    for (const { log, metrics } of [one, two]) {
      const { level, fields } = await log.line('peer flooded')
      assert.deepEqual([level, fields['peer'], fields['limit']], ['warn', flooder.peer, 'messages'])
      assert.equal(metrics.count('mesh_floods_total', { limit: 'messages' }), 1)
    }
    await ask(one.network, two)
    assert.deepEqual(
      one.network.members().map(({ peer }) => peer),
      [two.peer],
    )
  })

  it('cut off one that opens stream after stream', async () => {
    const [one, two, flooder] = nodes
    await echo(one)
    const left = leaves(one.network, flooder.peer)
    let gone = 0
    void left.then(() => (gone += 1))
    while (gone === 0) {
      await Promise.allSettled(Array.from({ length: 20 }, () => ask(flooder.network, one)))
    }
    assert.equal((await one.log.line('peer flooded')).fields['limit'], 'streams')
    await ask(two.network, one)
  })
})
