import assert from 'node:assert/strict'
import { PeerUnreachableError, type PeerStream } from '@layermesh/interface'
import { INTRODUCE_PROTOCOL } from '../src/introducer.ts'
import { fullyConnected, hasJoined, TestCluster, type TestNode } from './support/cluster.ts'
import { NameServer } from './support/name-server.ts'

const PROTOCOL = '/layermesh/test/1.0.0'
const TOPIC = '/layermesh/test/1'

describe('discovery', () => {
  let cluster: TestCluster

  beforeEach(() => (cluster = new TestCluster()))
  afterEach(() => cluster[Symbol.asyncDispose]())

  const portOf = ({ addresses }: TestNode) => Number(/\/tcp\/(\d+)/.exec(addresses[0] ?? '')?.[1])

  describe('by names', () => {
    let server: NameServer

    beforeEach(async () => {
      server = await NameServer.start()
    })
    afterEach(() => server[Symbol.asyncDispose]())

    it('connects nodes that know the name of hosts', async () => {
      const [one, two] = [await cluster.start(), await cluster.start()]
      server.records = [{ type: 'A', name: 'mesh.test', data: '127.0.0.1' }]
      const dns = [`mesh.test:${portOf(one)}`, `mesh.test:${portOf(two)}`]
      const third = await cluster.start({ dns, resolver: server.resolver() })
      await fullyConnected([one, two, third])
    })

    it('connects nodes that know the name of a service, whose own address is among the answers', async () => {
      const name = '_mesh._tcp.mesh.test'
      const one = await cluster.start()
      server.records = [
        { type: 'SRV', name, data: { target: 'pod.mesh.test', port: portOf(one) } },
        { type: 'A', name: 'pod.mesh.test', data: '127.0.0.1' },
      ]
      const two = await cluster.start({ dns: [name], resolver: server.resolver() })
      await fullyConnected([one, two])
    })

    it('does not let a node start with a name that is none', async () => {
      await assert.rejects(cluster.create({ dns: ['mesh:0'] }), { code: 'ERR_CONFIG_INVALID' })
    })
  })

  describe('of a node that can not be dialled', () => {
    /** As behind a NAT: where it says it is, nobody answers. */
    const announce = ['/ip4/127.0.0.1/tcp/1']

    it('makes it a member of those that came before and after it, with streams and gossip both ways', async () => {
      const first = await cluster.start()
      const hidden = await cluster.start({ announce, bootstrap: first.addresses })
      await fullyConnected([first, hidden])
      const later = await cluster.start({ bootstrap: first.addresses })
      await fullyConnected([first, hidden, later])

      await hidden.network.handle(PROTOCOL, async (stream) => {
        const frame = await stream.receive()
        if (frame !== undefined) await stream.send(frame)
      })
      for (const node of [first, later]) {
        const stream = await node.network.openStream(hidden.peer, PROTOCOL)
        await stream.send(Uint8Array.of(7))
        assert.deepEqual([...((await stream.receive()) ?? [])], [7])
      }
      const heard = [hidden, later].map(({ network }) => {
        const message = Promise.withResolvers<string>()
        network.subscribe(TOPIC, (from) => message.resolve(from))
        return message.promise
      })
      const publishing = setInterval(() => {
        void hidden.network.publish(TOPIC, Uint8Array.of(1))
        void later.network.publish(TOPIC, Uint8Array.of(2))
      }, 20)
      assert.deepEqual(await Promise.all(heard), [later.peer, hidden.peer])
      clearInterval(publishing)
    })

    it('leaves two of them apart that nobody can bring together, and is quiet about it', async () => {
      const first = await cluster.start()
      const hidden = await cluster.start({ announce, bootstrap: first.addresses })
      const other = await cluster.start({ announce, bootstrap: first.addresses })
      await Promise.all([hasJoined(first.network, hidden.peer), hasJoined(first.network, other.peer)])
      await other.log.line('peer not reached')
      await assert.rejects(hidden.network.openStream(other.peer, PROTOCOL), PeerUnreachableError)
      const lines = [...hidden.log.lines, ...other.log.lines]
      assert.ok(!lines.some(({ level }) => level === 'warn' || level === 'error'))
    })

    it('refuses an introduction that makes no sense', async () => {
      const [one, two] = (await cluster.startAll(2)) as [TestNode, TestNode]
      const stream: PeerStream = await one.network.openStream(two.peer, INTRODUCE_PROTOCOL)
      await stream.send(Uint8Array.of(1, 2, 3))
      await assert.rejects(stream.receive(), { code: 'ERR_PEER_STREAM' })
      assert.equal(two.network.members().length, 1)
    })
  })
})
