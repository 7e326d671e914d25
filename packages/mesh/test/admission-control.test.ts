import assert from 'node:assert/strict'
import { once } from 'node:events'
import { setImmediate } from 'node:timers/promises'
import { PeerStreamError, type PeerId } from '@layermesh/interface'
import { ManualClock } from '@layermesh/testkit'
import type { Connection, Libp2p, Stream } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { decode, encode } from 'cborg'
import { HELLO_PROTOCOL } from '../src/admission.ts'
import { REFUSED_DELAY_MS } from '../src/dial-plan.ts'
import { HEARTBEAT_PROTOCOL } from '../src/heartbeat.ts'
import { Libp2pPeerStream } from '../src/peer-stream.ts'
import { hasJoined, TestCluster, until, type TestNode } from './support/cluster.ts'
import { createPlainNode } from './support/stream-pair.ts'

const PROTOCOL = '/layermesh/test/1.0.0'
const TOPIC = '/layermesh/test/1'
const GOSSIP_PROTOCOL = '/meshsub/1.2.0'

describe('AdmissionControl', () => {
  let cluster: TestCluster
  let strangers: Libp2p[]

  beforeEach(() => {
    cluster = new TestCluster()
    strangers = []
  })
  afterEach(async () => {
    for (const stranger of strangers) await stranger.stop()
    await cluster[Symbol.asyncDispose]()
  })

  const createStranger = async () => {
    const stranger = await createPlainNode()
    strangers.push(stranger)
    return stranger
  }

  const dialAsStranger = async (node: TestNode, stranger?: Libp2p) => {
    stranger ??= await createStranger()
    return stranger.dial(node.addresses.map((address) => multiaddr(address)))
  }

  const closed = async (connection: Connection) => {
    if (connection.status === 'open') await once(connection, 'close')
  }

  const sayHello = (stream: Stream) =>
    new Libp2pPeerStream(stream, { peer: 'the node' as PeerId, maxFrameBytes: 65_536 })

  const outcomes = (node: TestNode) =>
    ['admitted', 'secret', 'version', 'protocol', 'timeout', 'lost'].filter(
      (outcome) => node.metrics.count('mesh_hello_total', { outcome }) > 0,
    )

  const refused = async (node: TestNode) => {
    const { fields, level } = await node.log.line('peer refused')
    return { level, peer: fields['peer'], reason: fields['reason'], outcome: fields['outcome'] }
  }

  describe('a peer without the secret', () => {
    const cases = [
      { ours: 'a secret', theirs: 'another', reason: 'the cluster secrets differ' },
      { ours: 'a secret', theirs: undefined, reason: 'the peer has no cluster secret and this node has one' },
      { ours: undefined, theirs: 'a secret', reason: 'the peer has a cluster secret and this node has none' },
    ]
    for (const { ours, theirs, reason } of cases) {
      it(`is refused on both sides when ${reason}`, async () => {
        const node = await cluster.start(ours === undefined ? {} : { secret: ours })
        const other = await cluster.start({
          bootstrap: node.addresses,
          ...(theirs !== undefined && { secret: theirs }),
        })
        assert.deepEqual(await refused(node), { level: 'warn', peer: other.peer, reason, outcome: 'secret' })
        assert.deepEqual(await refused(other), {
          level: 'warn',
          peer: node.peer,
          reason: 'the peer refused: its cluster secret is not the same as ours',
          outcome: 'secret',
        })
        assert.deepEqual([node.network.members(), other.network.members()], [[], []])
      })
    }

    it('keeps nobody out who has it', async () => {
      const node = await cluster.start({ secret: 'a secret' })
      await cluster.start({ secret: 'another', bootstrap: node.addresses })
      const member = await cluster.start({ secret: 'a secret', bootstrap: node.addresses })
      await hasJoined(node.network, member.peer)
      assert.equal(node.network.authenticated, true)
      assert.equal(node.network.members().length, 1)
    })
  })

  describe('a stranger', () => {
    it('is cut off when it has not said hello in time', async () => {
      const clock = new ManualClock()
      const node = await cluster.start({ clock, helloTimeoutMs: 5000 })
      const connection = await dialAsStranger(node)
      // Its stream is answered, so its connection is known to the node.
      const stream = sayHello(await connection.newStream(HELLO_PROTOCOL))
      clock.advance(4999)
      assert.equal(connection.status, 'open')
      clock.advance(1)
      await closed(connection)
      await assert.rejects(stream.receive(), PeerStreamError)
      assert.equal((await refused(node)).reason, 'the peer did not prove membership in time')
      await until(() => outcomes(node).length > 0)
      assert.deepEqual(outcomes(node), ['timeout'])
    })

    it('is cut off when its hello makes no sense', async () => {
      const node = await cluster.start()
      const connection = await dialAsStranger(node)
      await sayHello(await connection.newStream(HELLO_PROTOCOL)).send(Buffer.from('hello!'))
      await closed(connection)
      assert.deepEqual((await refused(node)).outcome, 'protocol')
    })

    it('is cut off when it says too much at once, announced or not', async () => {
      const node = await cluster.start()
      const announced = await dialAsStranger(node)
      const stream = await announced.newStream(HELLO_PROTOCOL)
      stream.send(Uint8Array.of(0xff, 0xff, 0xff, 0xff))
      await closed(announced)
      assert.deepEqual((await refused(node)).outcome, 'protocol')

      const flooding = await dialAsStranger(node)
      const flood = await flooding.newStream(HELLO_PROTOCOL)
      flood.send(Uint8Array.of(0, 16, 0, 0))
      while (flood.status === 'open') {
        flood.send(new Uint8Array(1024 * 1024))
        await setImmediate()
      }
      await closed(flooding)
    })

    it('gets no stream of any protocol before it has proven membership', async () => {
      const clock = new ManualClock()
      const node = await cluster.start({ clock, helloTimeoutMs: 5000 })
      await node.network.handle(PROTOCOL, () => assert.fail('a stranger is served'))
      node.network.subscribe(TOPIC, () => assert.fail('a stranger is heard'))
      const stranger = await createStranger()
      await stranger.handle(GOSSIP_PROTOCOL, () => assert.fail('a stranger is told'))
      const connection = await dialAsStranger(node, stranger)
      const hello = sayHello(await connection.newStream(HELLO_PROTOCOL))
      const streams: Libp2pPeerStream[] = []
      for (const protocol of [PROTOCOL, HEARTBEAT_PROTOCOL, GOSSIP_PROTOCOL]) {
        const stream = sayHello(await connection.newStream(protocol))
        await stream.send(Uint8Array.of(1, 2, 3))
        streams.push(stream)
      }
      await hello.send(encode({ versions: [1], nonce: new Uint8Array(32) }))
      assert.deepEqual(Object.keys(decode((await hello.receive())!) as object).sort(), ['nonce', 'version'])
      await node.network.publish(TOPIC, Uint8Array.of(1))
      clock.advance(5000)
      for (const stream of streams) await assert.rejects(stream.receive(), PeerStreamError)
      await assert.rejects(connection.newStream('/ipfs/id/1.0.0'))
    })

    it('gets a second stream for its hello reset', async () => {
      const node = await cluster.start()
      const connection = await dialAsStranger(node)
      await connection.newStream(HELLO_PROTOCOL)
      const second = sayHello(await connection.newStream(HELLO_PROTOCOL))
      await assert.rejects(second.receive(), PeerStreamError)
    })

    it('is cut off when it is dialled and knows no hello, and is left alone for a while', async () => {
      const clock = new ManualClock()
      const stranger = await createStranger()
      const connected = once(stranger, 'connection:open')
      const node = await cluster.start({ bootstrap: stranger.getMultiaddrs().map(String), clock })
      await connected
      assert.deepEqual(await refused(node), {
        level: 'warn',
        peer: stranger.peerId.toString(),
        reason: 'the peer does not speak the hello of layermesh',
        outcome: 'protocol',
      })
      const again = once(stranger, 'connection:open')
      while (stranger.getConnections().length > 0) await once(stranger, 'connection:close')
      clock.advance(REFUSED_DELAY_MS - 1)
      assert.deepEqual(stranger.getConnections(), [])
      clock.advance(1)
      await again
    })
  })
})
