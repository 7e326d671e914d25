import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import { ConfigInvalidError, ListenError, PeerUnreachableError, type Member } from '@layermesh/interface'
import { ManualClock } from '@layermesh/testkit'
import { fullyConnected, hasJoined, leaves, TestCluster, until, type TestNode } from './support/cluster.ts'
import { FAILING_PEER_STORE, MemoryPeerStore } from './support/memory-peer-store.ts'
import { TcpProxy } from './support/tcp-proxy.ts'

const PROTOCOL = '/layermesh/test/1.0.0'

describe('Libp2pPeerNetwork', () => {
  let cluster: TestCluster

  beforeEach(() => (cluster = new TestCluster()))
  afterEach(() => cluster[Symbol.asyncDispose]())

  const withoutPeerId = (address: string | undefined) => address?.replace(/\/p2p\/.*/, '') ?? ''

  /** Moves a clock on in steps until `condition` holds; between them sockets get their turn. */
  const advanceUntil = async (clock: ManualClock, stepMs: number, condition: () => boolean) => {
    while (!condition()) {
      clock.advance(stepMs)
      for (let turn = 0; turn < 10; turn += 1) await setImmediate()
    }
  }

  describe('joining', () => {
    it('makes both sides members, by a bootstrap address with the peer id and by one without', async () => {
      const first = await cluster.start()
      const second = await cluster.start({ bootstrap: first.addresses })
      const third = await cluster.start({ bootstrap: [withoutPeerId(first.addresses[0])] })
      await fullyConnected([first, second])
      await fullyConnected([first, third])
    })

    it('connects nodes of all kinds of encryption with those that have both, as during an upgrade', async () => {
      const both = await cluster.start()
      const noise = await cluster.start({ encryption: ['noise'], bootstrap: both.addresses })
      const tls = await cluster.start({ encryption: ['tls'], bootstrap: both.addresses })
      await hasJoined(both.network, noise.peer)
      await hasJoined(both.network, tls.peer)
      const later = await cluster.start({ bootstrap: noise.addresses })
      await fullyConnected([both, noise, later])
      await fullyConnected([both, tls, later])
    })

    it('connects nodes fully that share one bootstrap address and start at once', async () => {
      const nodes = await cluster.startAll(5)
      for (const { network, metrics } of nodes) {
        assert.equal(network.members().length, 4)
        assert.equal(metrics.read('mesh_members'), 4)
      }
    })

    it('connects nodes fully that only know each other through one that dials both', async () => {
      const [first, second] = [await cluster.start(), await cluster.start()]
      const both = await cluster.start({ bootstrap: [...first.addresses, ...second.addresses] })
      await fullyConnected([first, second, both])
    })

    it('tells what a member says of itself, the link to it and where it can be reached', async () => {
      const first = await cluster.start({ name: 'one', locality: { region: 'eu', site: 'paris' } })
      const second = await cluster.start({
        name: 'two',
        locality: { region: 'eu', site: 'lyon' },
        bootstrap: first.addresses,
      })
      const member = await hasJoined(first.network, second.peer)
      assert.deepEqual(member, {
        peer: second.peer,
        name: 'two',
        version: '0.1.0',
        locality: { region: 'eu', site: 'lyon' },
        link: 'region',
        addresses: second.addresses,
        roundTripMs: undefined,
        state: 'up',
      } satisfies Member)
      assert.equal(second.network.self.link, 'site')
      assert.deepEqual(second.network.self.addresses, second.addresses)
    })

    it('tells others the addresses to announce instead of its own', async () => {
      const announce = ['/dns4/node.example.com/tcp/4001']
      const first = await cluster.start({ announce })
      const second = await cluster.start({ bootstrap: first.addresses })
      const member = await hasJoined(second.network, first.peer)
      assert.deepEqual(member.addresses, [`${announce[0]}/p2p/${first.peer}`])
      assert.match(first.addresses[0] ?? '', /^\/ip4\/127\.0\.0\.1\/tcp\/\d+\/p2p\//)
    })

    it('keeps dialling a bootstrap address at which nobody is there yet', async () => {
      const clock = new ManualClock()
      const reserved = createServer().listen(0, '127.0.0.1')
      await once(reserved, 'listening')
      const address = `/ip4/127.0.0.1/tcp/${(reserved.address() as AddressInfo).port}`
      reserved.close()
      await once(reserved, 'close')

      const early = await cluster.start({ bootstrap: [address], clock })
      assert.deepEqual((await early.log.line('peer not reached')).fields['addresses'], [address])
      const late = await cluster.start({ listen: [address] })
      await advanceUntil(clock, 1000, () => early.network.members().length > 0)
      assert.equal(early.network.members()[0]?.peer, late.peer)
    })

    it('goes on when a bootstrap address leads to the node itself', async () => {
      const clock = new ManualClock()
      const first = await cluster.start()
      const port = await freePort()
      const address = `/ip4/127.0.0.1/tcp/${port}`
      const second = await cluster.start({
        listen: [address],
        bootstrap: [address, ...first.addresses],
        clock,
      })
      await hasJoined(second.network, first.peer)
      assert.deepEqual(
        second.network.members().map(({ peer }) => peer),
        [first.peer],
      )
      assert.ok(!second.log.lines.some(({ level }) => level === 'warn'))
    })

    it('logs and counts it', async () => {
      const [first, second] = (await cluster.startAll(2)) as [TestNode, TestNode]
      const { level, fields } = await first.log.line('peer joined')
      assert.equal(level, 'info')
      assert.deepEqual(
        [fields['peer'], fields['name'], fields['link']],
        [second.peer, second.network.self.name, 'site'],
      )
      await until(() => first.metrics.count('mesh_hello_total', { outcome: 'admitted' }) === 1)
    })
  })

  describe('leaving', () => {
    it('is seen at once by the others when a node stops', async () => {
      const clock = new ManualClock()
      const [first, second, third] = (await cluster.startAll(3, { clock })) as [TestNode, TestNode, TestNode]
      const left = [leaves(first.network, third.peer), leaves(second.network, third.peer)]
      await third.network.stop()
      for (const member of await Promise.all(left)) assert.equal(member.peer, third.peer)
      assert.deepEqual(
        first.network.members().map(({ peer }) => peer),
        [second.peer],
      )
      assert.equal((await first.log.line('peer left')).fields['peer'], third.peer)
    })

    it('is told once for each member, after it was told to have joined', async () => {
      const first = await cluster.start()
      const events: string[] = []
      first.network.onMembership({
        joined: ({ name }) => events.push(`${name} joined`),
        left: ({ name }) => events.push(`${name} left`),
      })
      const second = await cluster.start({ name: 'second', bootstrap: first.addresses })
      await hasJoined(first.network, second.peer)
      const left = leaves(first.network, second.peer)
      await second.network.stop()
      await left
      await first.network.stop()
      assert.deepEqual(events, ['second joined', 'second left'])
    })

    it('happens when nothing is heard of a peer for 15 s', async () => {
      const clock = new ManualClock()
      const first = await cluster.start()
      await using proxy = await TcpProxy.start(first.addresses[0] ?? '')
      const second = await cluster.start({
        bootstrap: [proxy.address],
        clock,
        announce: ['/ip4/192.0.2.1/tcp/1'],
      })
      await hasJoined(second.network, first.peer)
      let beats = 0
      second.network.onMembership({ fingerprint: () => (beats += 1) })
      first.network.setFingerprint(() => Uint8Array.of(1))
      await until(() => beats > 0)
      while (clock.monotonicMs() < 60_000) {
        const before = beats
        clock.advance(5000)
        await until(() => beats > before)
      }
      assert.equal(second.network.members().length, 1, 'a peer that answers stays')

      proxy.freeze()
      const left = leaves(second.network, first.peer)
      const suspected = Promise.withResolvers<Member>()
      second.network.onMembership({ suspected: suspected.resolve })
      const frozenMs = clock.monotonicMs()
      await advanceUntil(clock, 1000, () => second.network.members().length === 0)
      await left
      const silentMs = clock.monotonicMs() - frozenMs
      assert.equal((await suspected.promise).state, 'suspect')
      assert.ok(silentMs >= 8_000 && silentMs <= 15_000, `it left after ${silentMs} ms`)
    })

    it('is followed by a new attempt to reach the member', async () => {
      const clock = new ManualClock()
      const dataDir = await cluster.folder()
      const port = await freePort()
      const listen = [`/ip4/127.0.0.1/tcp/${port}`]
      const before = await cluster.start({ dataDir, listen })
      // The one that comes back knows nobody: it is for the other to find it again.
      const other = await cluster.start({ bootstrap: before.addresses, clock })
      await fullyConnected([before, other])
      const left = leaves(other.network, before.peer)
      await before.network.stop()
      await left
      const after = await cluster.start({ dataDir, listen })
      await advanceUntil(clock, 500, () => other.network.members().length > 0)
      assert.equal(after.peer, before.peer)
      await fullyConnected([after, other])
    })

    it('happens to a peer that comes back as another version of itself, which then joins', async () => {
      const dataDir = await cluster.folder()
      const first = await cluster.start()
      await using proxy = await TcpProxy.start(first.addresses[0] ?? '')
      const before = await cluster.start({ dataDir, name: 'before', bootstrap: [proxy.address] })
      await hasJoined(first.network, before.peer)
      proxy.freeze()
      const left = leaves(first.network, before.peer)
      const after = await cluster.start({ dataDir, name: 'after', bootstrap: first.addresses })
      assert.equal((await left).name, 'before')
      assert.equal((await hasJoined(first.network, after.peer)).name, 'after')
    })
  })

  describe('remembering', () => {
    it('brings nodes together again that were all stopped, without a bootstrap address', async () => {
      const options = await Promise.all(
        Array.from({ length: 2 }, async () => ({
          dataDir: await cluster.folder(),
          listen: [`/ip4/127.0.0.1/tcp/${await freePort()}`],
          peers: new MemoryPeerStore(),
        })),
      )
      const [one, two] = options as [(typeof options)[0], (typeof options)[0]]
      const first = await cluster.start(one)
      const second = await cluster.start({ ...two, bootstrap: first.addresses })
      await fullyConnected([first, second])
      await Promise.all([first.network.stop(), second.network.stop()])
      await fullyConnected([await cluster.start(one), await cluster.start(two)])
    })

    it('notes how long a member was there', async () => {
      const clock = new ManualClock()
      const peers = new MemoryPeerStore()
      const first = await cluster.start({ peers, clock })
      const second = await cluster.start({ bootstrap: first.addresses, clock })
      await fullyConnected([first, second])
      const joinedAtMs = clock.now()
      const wasThereLong = () => peers.records.get(second.peer)!.lastSeenAtMs >= joinedAtMs + 300_000
      await advanceUntil(clock, 5000, () => wasThereLong() && first.network.members().length > 0)
      clock.advance(1)
      await first.network.stop()
      assert.deepEqual(await peers.list(), [
        { peer: second.peer, addresses: second.addresses, lastSeenAtMs: clock.now() },
      ])
    })

    it('ends for a peer that is banned', async () => {
      const peers = new MemoryPeerStore()
      const first = await cluster.start({ peers })
      const second = await cluster.start({ bootstrap: first.addresses })
      await hasJoined(first.network, second.peer)
      const left = leaves(first.network, second.peer)
      first.network.ban(second.peer, 3_600_000)
      await left
      await first.network.stop()
      assert.deepEqual(await peers.list(), [])
    })

    it('changes nothing when the disk fails', async () => {
      const nodes = await cluster.startAll(2, { peers: FAILING_PEER_STORE })
      for (const { network, log } of nodes) {
        await network.stop()
        assert.ok(!log.lines.some(({ level }) => level === 'warn' || level === 'error'))
      }
    })
  })

  describe('roundTripMs', () => {
    it('is measured soon after a member has joined, and again', async () => {
      const clock = new ManualClock()
      const [, second] = (await cluster.startAll(2, { clock })) as [TestNode, TestNode]
      const roundTripMs = () => second.network.members()[0]?.roundTripMs
      await until(() => roundTripMs() !== undefined)
      assert.equal(roundTripMs(), 0)
    })
  })

  describe('ban', () => {
    it('cuts a member off until its time is over, and then reaches for it', async () => {
      const clock = new ManualClock()
      const [first, second] = (await cluster.startAll(2, { clock })) as [TestNode, TestNode]
      const left = [leaves(first.network, second.peer), leaves(second.network, first.peer)]
      first.network.ban(second.peer, 3_600_000)
      await Promise.all(left)
      await advanceUntil(clock, 60_000, () => clock.monotonicMs() >= 3_540_000)
      assert.deepEqual(first.network.members(), [])
      await assert.rejects(first.network.openStream(second.peer, PROTOCOL), PeerUnreachableError)
      await advanceUntil(clock, 1000, () => first.network.members().length > 0)
      await fullyConnected([first, second])
    })

    it('keeps out a peer that is no member, too', async () => {
      const clock = new ManualClock()
      const first = await cluster.start({ clock })
      const second = await cluster.create({ bootstrap: first.addresses, clock })
      first.network.ban(second.peer, 60_000)
      await second.network.start()
      await second.log.line('peer not reached')
      assert.deepEqual(first.network.members(), [])
    })
  })

  describe('handle', () => {
    it('rejects when the protocol is handled already', async () => {
      const { network } = await cluster.create()
      await network.handle(PROTOCOL, async () => {})
      await assert.rejects(network.handle(PROTOCOL, async () => {}))
    })
  })

  describe('start', () => {
    it('rejects with ERR_LISTEN and the address when it is in use', async () => {
      const taken = createServer().listen(0, '127.0.0.1')
      await once(taken, 'listening')
      const address = `/ip4/127.0.0.1/tcp/${(taken.address() as AddressInfo).port}`
      const { network } = await cluster.create({ listen: ['/ip4/127.0.0.1/tcp/0', address] })
      await assert.rejects(network.start(), (error) => {
        assert.ok(error instanceof ListenError)
        assert.equal(
          error.message,
          `mesh.listen: can't listen on ${address}: it is in use already (EADDRINUSE)`,
        )
        return true
      })
      taken.close()
    })
  })

  describe('createPeerNetwork', () => {
    for (const setting of ['listen', 'announce', 'bootstrap'] as const) {
      it(`rejects with ERR_CONFIG_INVALID when mesh.${setting} holds something else than multiaddrs`, async () => {
        await assert.rejects(cluster.create({ [setting]: ['10.0.0.1:4001'] }), (error) => {
          assert.ok(error instanceof ConfigInvalidError)
          assert.match(error.message, new RegExp(`^mesh.${setting}: "10.0.0.1:4001" is no multiaddr`))
          return true
        })
      })
    }
  })

  describe('stop', () => {
    it('can be called again, before start, and while dials and hellos are under way', async () => {
      const { network } = await cluster.create()
      await network.stop()
      const silent = createServer().listen(0, '127.0.0.1')
      await once(silent, 'listening')
      const accepted = once(silent, 'connection')
      const address = `/ip4/127.0.0.1/tcp/${(silent.address() as AddressInfo).port}`
      const dialling = await cluster.start({ bootstrap: [address], clock: new ManualClock() })
      await accepted
      await Promise.all([dialling.network.stop(), dialling.network.stop()])
      silent.close()
    })
  })
})

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
