import assert from 'node:assert/strict'
import { setImmediate } from 'node:timers/promises'

import { createDirectory } from '@layermesh/directory'
import {
  silentLog,
  type Digest,
  type Directory,
  type GossipHandler,
  type PeerId,
  type PeerNetwork,
  type Startable,
} from '@layermesh/interface'
import { createPeerNetwork, type Libp2pPeerNetwork } from '@layermesh/mesh'
import { digestOf } from '@layermesh/oci'
import { createMetrics } from '@layermesh/telemetry'
import { createTempDir, ManualClock, seededRandom, until } from '@layermesh/testkit'

const BLOB_BYTES = 1000
/** Time between two heartbeats of a node, as docs/protocol.md says; in milliseconds. */
const BEAT_INTERVAL_MS = 5000
/** Time that passes for the directories between two looks at them, in milliseconds. */
const LOOK_MS = 50
const CHANGES = 120

interface Node {
  readonly region: string
  readonly network: Libp2pPeerNetwork
  readonly directory: Directory & Startable
  readonly held: Set<Digest>
}

/** Gossip that gets lost, comes twice, or is delayed until after the next message, one in five each, as long as it is bad. */
class BadGossip {
  isBad = true
  /** How many messages have been lost, repeated or delayed. */
  spoiled = 0
  readonly #random = seededRandom(3)

  wrap(handler: GossipHandler): GossipHandler {
    let late: (() => void) | undefined
    return (from, message) => {
      const deliver = () => handler(from, message)
      const dice = this.isBad ? this.#random() : 1
      if (dice < 0.6) this.spoiled += 1
      if (dice < 0.2) return
      if (dice < 0.4) deliver()
      if (dice >= 0.4 && dice < 0.6 && late === undefined) {
        late = deliver
        return
      }
      deliver()
      late?.()
      late = undefined
    }
  }
}

/** A network whose gossip is bad and whose heartbeats and streams are not. */
function withGossip(network: Libp2pPeerNetwork, gossip: BadGossip): PeerNetwork {
  return {
    self: network.self,
    authenticated: network.authenticated,
    members: () => network.members(),
    isCutOff: false,
    search: () => network.search(),
    openStream: (peer, protocol, options) => network.openStream(peer, protocol, options),
    handle: (protocol, handler) => network.handle(protocol, handler),
    publish: (topic, message) => network.publish(topic, message),
    subscribe: (topic, handler) => network.subscribe(topic, gossip.wrap(handler)),
    onMembership: (listener) => network.onMembership(listener),
    setFingerprint: (read) => network.setFingerprint(read),
    ban: (peer, durationMs) => network.ban(peer, durationMs),
  }
}

/** Whether each node knows what the others of its region hold, and of the other region two holders of each blob. */
function allViewsAreRight(nodes: readonly Node[]): boolean {
  return nodes.every((node) =>
    nodes.every(({ network: { self }, region, held }) => {
      if (self.peer === node.network.self.peer) return true
      const { blobs } = node.directory.summaryOf(self.peer)
      if (region === node.region)
        return (
          blobs === held.size &&
          [...held].every((digest) => node.directory.holders(digest).includes(self.peer))
        )
      return [...held].every((digest) => {
        const holders = nodes.filter((other) => other.region === region && other.held.has(digest))
        const peers = holders.map(({ network }) => network.self.peer)
        const named = node.directory
          .holders(digest)
          .filter((peer) =>
            nodes.some((other) => other.region === region && other.network.self.peer === peer),
          )
        return named.length === Math.min(2, peers.length) && named.every((peer) => peers.includes(peer))
      })
    }),
  )
}

/** Heartbeats that have come, by whom they came to and whom they came from. */
class HeardBeats {
  readonly #counts = new Map<PeerId, Map<PeerId, number>>()

  listen({ self, onMembership }: Pick<PeerNetwork, 'self' | 'onMembership'>): void {
    const counts = new Map<PeerId, number>()
    this.#counts.set(self.peer, counts)
    onMembership({ fingerprint: ({ peer }) => counts.set(peer, (counts.get(peer) ?? 0) + 1) })
  }

  /** How many each of `nodes` has heard of each other one, always in the same order. */
  of(nodes: readonly Node[]): readonly number[] {
    const peers = nodes.map(({ network }) => network.self.peer)
    return peers.flatMap((to) =>
      peers.filter((from) => from !== to).map((from) => this.#counts.get(to)?.get(from) ?? 0),
    )
  }
}

describe('Directory over libp2p', function () {
  this.timeout(300_000)

  let stack: AsyncDisposableStack
  let gossip: BadGossip
  let heard: HeardBeats
  let nodes: Node[]
  /** Drives heartbeats: none is sent but when it is moved on. */
  let beatClock: ManualClock
  /** Drives the directories: for how long they gather changes, and wait for what is missing. */
  let directoryClock: ManualClock

  beforeEach(async () => {
    stack = new AsyncDisposableStack()
    gossip = new BadGossip()
    heard = new HeardBeats()
    nodes = []
    beatClock = new ManualClock()
    directoryClock = new ManualClock()
    for (const region of ['eu', 'us', 'eu', 'us', 'eu']) nodes.push(await startNode(region))
  })
  afterEach(() => stack.disposeAsync())

  async function startNode(region: string): Promise<Node> {
    const folder = stack.use(await createTempDir())
    const network = await createPeerNetwork(
      { clock: beatClock, log: silentLog, metrics: createMetrics() },
      {
        dataDir: folder.path,
        facts: { name: `node-${nodes.length}`, version: '1.0.0', locality: { region, site: 'a' } },
        listen: ['/ip4/127.0.0.1/tcp/0'],
        ...{ announce: [], mdns: false, helloTimeoutMs: 60_000, inboundConnectionsPerSecond: 1000 },
        bootstrap: nodes[0]?.network.listenAddresses() ?? [],
      },
    )
    heard.listen({ self: network.self, onMembership: (listener) => network.onMembership(listener) })
    await network.start()
    stack.defer(() => network.stop())
    const directory = createDirectory(
      {
        network: withGossip(network, gossip),
        clock: directoryClock,
        log: silentLog,
        metrics: createMetrics(),
      },
      // Their clock doesn't wait for what is on its way.
      { syncStallTimeoutMs: 3_600_000 },
    )
    await directory.start()
    stack.defer(() => directory.stop())
    return { region, network, directory, held: new Set() }
  }

  /** Looks whether something holds until it does; each look lets a little time pass for directories, and what is on its way arrive. */
  const untilHolds = (condition: () => boolean) =>
    until(() => {
      directoryClock.advance(LOOK_MS)
      return Promise.resolve(condition())
    })

  /** Has every node send every other one its next heartbeat, and waits until all have come. */
  async function beat(): Promise<void> {
    const before = heard.of(nodes)
    beatClock.advance(BEAT_INTERVAL_MS)
    await until(() => Promise.resolve(heard.of(nodes).every((count, pair) => count > (before[pair] ?? 0))))
  }

  it('has all views right two heartbeats after gossip was lost, repeated and delayed', async () => {
    await until(() => {
      // Whom a dial did not reach is dialled again.
      beatClock.advance(LOOK_MS)
      return Promise.resolve(nodes.every(({ network }) => network.members().length === nodes.length - 1))
    })
    await until(() => Promise.resolve(heard.of(nodes).every((count) => count > 0)))

    const random = seededRandom(4)
    for (let change = 0; change < CHANGES; change += 1) {
      const node = nodes[Math.floor(random() * nodes.length)]
      assert.ok(node !== undefined)
      const digest = digestOf(Buffer.from(`blob ${Math.floor(random() * 30)}`))
      if (node.held.delete(digest)) node.directory.withdraw(digest)
      else {
        node.held.add(digest)
        node.directory.announce(digest, BLOB_BYTES)
      }
      // So that they make many messages, and some overtake others.
      directoryClock.advance(LOOK_MS)
      for (let turn = 0; turn < 20; turn += 1) await setImmediate()
    }
    assert.ok(gossip.spoiled > 0)
    assert.ok(!allViewsAreRight(nodes))
    gossip.isBad = false
    const before = heard.of(nodes)

    await beat()
    // What the first one has started may take as long as heartbeats are apart.
    const nextBeatMs = directoryClock.monotonicMs() + BEAT_INTERVAL_MS
    await untilHolds(() => allViewsAreRight(nodes) || directoryClock.monotonicMs() >= nextBeatMs)
    await beat()
    // Nobody's clock has a third one sent, however long this takes.
    await untilHolds(() => allViewsAreRight(nodes))
    const beats = heard.of(nodes).map((count, pair) => count - (before[pair] ?? 0))
    assert.deepEqual([...new Set(beats)], [2])
  })
})
