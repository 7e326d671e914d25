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
import { fullyConnected, hasJoined, leaves, TestCluster, until, type TestNode } from './support/cluster.ts'
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
    ['admitted', 'secret', 'allow', 'version', 'protocol', 'timeout', 'lost'].filter(
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
        const node = await cluster.start(ours === undefined ? {} : { secrets: [ours] })
        const other = await cluster.start({
          bootstrap: node.addresses,
          ...(theirs !== undefined && { secrets: [theirs] }),
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
      const node = await cluster.start({ secrets: ['a secret'] })
      await cluster.start({ secrets: ['another'], bootstrap: node.addresses })
      const member = await cluster.start({ secrets: ['a secret'], bootstrap: node.addresses })
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

  describe('a list of allowed peers', () => {
    it('lets in who is on it, with no secret, and nobody else', async () => {
      const dataDir = await cluster.folder()
      const listed = await cluster.create({ dataDir })
      const node = await cluster.start({ allow: [listed.peer] })
      assert.equal(node.network.authenticated, true)
      const member = await cluster.start({ dataDir, allow: [node.peer], bootstrap: node.addresses })
      await hasJoined(node.network, member.peer)
      const stranger = await cluster.start({ bootstrap: node.addresses })
      assert.deepEqual(await refused(node), {
        level: 'warn',
        peer: stranger.peer,
        reason: 'the list of allowed peers is without it',
        outcome: 'allow',
      })
      assert.equal(
        (await refused(stranger)).reason,
        'the peer refused: its list of allowed peers is without this node',
      )
      assert.deepEqual(
        node.network.members().map(({ peer }) => peer),
        [member.peer],
      )
      assert.deepEqual(stranger.network.members(), [])
    })

    it('keeps a node from becoming a member of a node that it has not listed', async () => {
      const node = await cluster.start()
      const picky = await cluster.start({ allow: [(await cluster.create()).peer], bootstrap: node.addresses })
      assert.equal((await refused(picky)).outcome, 'allow')
      assert.deepEqual([node.network.members(), picky.network.members()], [[], []])
    })

    it('is refused with ERR_CONFIG_INVALID when it holds something else than peer ids', async () => {
      await assert.rejects(cluster.create({ allow: ['edge-7'] }), {
        code: 'ERR_CONFIG_INVALID',
        message: 'mesh.allow: "edge-7" is no peer id, such as layermesh status shows',
      })
    })
  })

  describe('replacing the secret', () => {
    const OLD = 'the old secret'
    const NEW = 'the new secret'

    it('loses no member of a running cluster, and lets newcomers in at each step', async () => {
      const nodes = await cluster.startAll(3, { secrets: [OLD] })
      const lost: string[] = []
      for (const { network } of nodes) network.onMembership({ left: ({ name }) => lost.push(name) })
      const [first] = nodes as [TestNode, TestNode, TestNode]
      const joins = async (secrets: readonly string[]) => {
        const node = await cluster.start({ secrets, bootstrap: first.addresses })
        await hasJoined(first.network, node.peer)
        return node
      }
      // A new one counts beside the old one, node by node.
      for (const { network } of nodes) await network.setSecrets([NEW, OLD])
      await joins([OLD])
      await joins([NEW, OLD])
      await joins([NEW])
      assert.deepEqual(lost, [])
      // The old one is dropped, node by node.
      const members = nodes.map(({ peer }) => peer)
      for (const { network } of nodes) await network.setSecrets([NEW])
      await fullyConnected(nodes)
      assert.deepEqual(
        lost.filter((name) => nodes.some(({ network }) => network.self.name === name)),
        [],
      )
      for (const { network, peer } of nodes) {
        const known = network.members().map((member) => member.peer)
        assert.ok(members.every((other) => other === peer || known.includes(other)))
      }
    })

    it('cuts off a member that only has the one that is dropped', async () => {
      const [first, second] = (await cluster.startAll(2, { secrets: [OLD] })) as [TestNode, TestNode]
      await first.network.setSecrets([NEW, OLD])
      assert.equal(first.network.members().length, 1)
      const left = leaves(first.network, second.peer)
      await first.network.setSecrets([NEW])
      await left
      assert.equal((await refused(first)).outcome, 'secret')
    })

    it('is done over the connections that there are', async () => {
      const [first, second] = (await cluster.startAll(2, { secrets: [OLD] })) as [TestNode, TestNode]
      let changes = 0
      first.network.onMembership({ joined: () => (changes += 1), left: () => (changes += 1) })
      await Promise.all([first, second].map(({ network }) => network.setSecrets([NEW, OLD])))
      await Promise.all([first, second].map(({ network }) => network.setSecrets([NEW])))
      const stream = await first.network.openStream(second.peer, HEARTBEAT_PROTOCOL)
      stream.abort(new Error('enough'))
      assert.equal(changes, 0)
      assert.ok(first.metrics.count('mesh_hello_total', { outcome: 'admitted' }) > 1)
    })
  })
})
