import assert from 'node:assert/strict'
import { setImmediate } from 'node:timers/promises'

import { createDirectory } from '@layermesh/directory'
import {
  silentLog,
  systemClock,
  type Digest,
  type Directory,
  type GossipHandler,
  type PeerNetwork,
  type Startable,
} from '@layermesh/interface'
import { createPeerNetwork, type Libp2pPeerNetwork } from '@layermesh/mesh'
import { digestOf } from '@layermesh/oci'
import { createMetrics } from '@layermesh/telemetry'
import { createTempDir, seededRandom, until } from '@layermesh/testkit'

const BLOB_BYTES = 1000
const CHANGES = 120

interface Node {
  readonly region: string
  readonly network: Libp2pPeerNetwork
  readonly directory: Directory & Startable
  readonly held: Set<Digest>
}

/** Gossip that gets lost, comes twice, or comes after the next message, one in five each, as long as it is bad. */
class BadGossip {
  isBad = true
  readonly #random = seededRandom(3)

  wrap(handler: GossipHandler): GossipHandler {
    let late: (() => void) | undefined
    return (from, message) => {
      const deliver = () => handler(from, message)
      const dice = this.isBad ? this.#random() : 1
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

describe('Directory over libp2p', function () {
  this.timeout(120_000)

  it('has all views right again when gossip was lost, repeated and swapped', async () => {
    await using stack = new AsyncDisposableStack()
    const gossip = new BadGossip()
    const nodes: Node[] = []
    for (const region of ['eu', 'us', 'eu', 'us', 'eu']) {
      const folder = stack.use(await createTempDir())
      const network = await createPeerNetwork(
        { clock: systemClock, log: silentLog, metrics: createMetrics() },
        {
          dataDir: folder.path,
          facts: { name: `node-${nodes.length}`, version: '1.0.0', locality: { region, site: 'a' } },
          listen: ['/ip4/127.0.0.1/tcp/0'],
          ...{ announce: [], mdns: false, helloTimeoutMs: 60_000, inboundConnectionsPerSecond: 1000 },
          bootstrap: nodes[0]?.network.listenAddresses() ?? [],
        },
      )
      await network.start()
      stack.defer(() => network.stop())
      const directory = createDirectory({
        ...{
          network: withGossip(network, gossip),
          clock: systemClock,
          log: silentLog,
          metrics: createMetrics(),
        },
      })
      await directory.start()
      stack.defer(() => directory.stop())
      nodes.push({ region, network, directory, held: new Set() })
    }
    await until(() =>
      Promise.resolve(nodes.every(({ network }) => network.members().length === nodes.length - 1)),
    )

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
      for (let turn = 0; turn < 20; turn += 1) await setImmediate()
    }
    gossip.isBad = false
    await until(() => Promise.resolve(allViewsAreRight(nodes)))
  })
})
