import type { Resolver } from 'node:dns/promises'
import { setImmediate } from 'node:timers/promises'
import {
  systemClock,
  type Clock,
  type Locality,
  type Member,
  type PeerId,
  type PeerNetwork,
  type PeerStore,
} from '@layermesh/interface'
import { createPeerNetwork, type Libp2pPeerNetwork, type PeerNetworkInit } from '@layermesh/mesh'
import { createTempDir, type TempDir } from '@layermesh/testkit'
import { CountedMetrics } from './counted-metrics.ts'
import { KeptLog } from './kept-log.ts'

/** What a test wants of a node; the rest is chosen. */
export interface NodeOptions extends Partial<Omit<PeerNetworkInit, 'facts'>> {
  readonly name?: string
  readonly locality?: Locality
  readonly clock?: Clock
  readonly peers?: PeerStore
  readonly resolver?: Resolver
}

/** A started node, with what it logged and counted. */
export interface TestNode {
  readonly network: Libp2pPeerNetwork
  readonly peer: PeerId
  readonly addresses: readonly string[]
  readonly log: KeptLog
  readonly metrics: CountedMetrics
}

/** Nodes in one process, over real TCP on loopback; all are stopped when it is disposed of. */
export class TestCluster implements AsyncDisposable {
  readonly #folders: TempDir[] = []
  readonly #networks: Libp2pPeerNetwork[] = []

  /** Creates a node that is not started. */
  async create(options: NodeOptions = {}): Promise<Omit<TestNode, 'addresses'>> {
    const { name, locality, clock, peers, resolver, ...init } = options
    const log = new KeptLog()
    const metrics = new CountedMetrics()
    const network = await createPeerNetwork(
      {
        clock: clock ?? systemClock,
        log,
        metrics,
        random: () => 1,
        ...(peers && { peers }),
        ...(resolver && { resolver }),
      },
      {
        dataDir: init.dataDir ?? (await this.folder()),
        facts: {
          name: name ?? `node-${this.#networks.length}`,
          version: '0.1.0',
          locality: locality ?? { region: 'eu', site: 'paris' },
        },
        listen: ['/ip4/127.0.0.1/tcp/0'],
        announce: [],
        bootstrap: [],
        mdns: false,
        inboundConnectionsPerSecond: 1000,
        helloTimeoutMs: 20_000,
        ...init,
      },
    )
    this.#networks.push(network)
    return { network, peer: network.self.peer, log, metrics }
  }

  /** Creates a node and starts it. */
  async start(options: NodeOptions = {}): Promise<TestNode> {
    const node = await this.create(options)
    await node.network.start()
    return { ...node, addresses: node.network.listenAddresses() }
  }

  /** Starts nodes that join by the first one, and waits until all know each other. */
  async startAll(count: number, options: NodeOptions = {}): Promise<readonly TestNode[]> {
    const first = await this.start(options)
    const others = await Promise.all(
      Array.from({ length: count - 1 }, () => this.start({ ...options, bootstrap: first.addresses })),
    )
    const nodes = [first, ...others]
    await fullyConnected(nodes)
    return nodes
  }

  async folder(): Promise<string> {
    const folder = await createTempDir()
    this.#folders.push(folder)
    return folder.path
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#networks.map((network) => network.stop()))
    await Promise.all(this.#folders.map((folder) => folder[Symbol.asyncDispose]()))
  }
}

/** Resolves when each node has all others as members. */
export async function fullyConnected(nodes: readonly Pick<TestNode, 'network' | 'peer'>[]): Promise<void> {
  const pairs = nodes.flatMap((from) => nodes.filter((to) => to !== from).map((to) => [from, to] as const))
  await Promise.all(pairs.map(([from, to]) => hasJoined(from.network, to.peer)))
}

/** Resolves when `peer` is a member for `network`. */
export async function hasJoined(network: PeerNetwork, peer: PeerId): Promise<Member> {
  const { promise, resolve } = Promise.withResolvers<Member>()
  const stop = network.onMembership({
    joined: (member) => {
      if (member.peer === peer) resolve(member)
    },
  })
  const member = network.members().find((candidate) => candidate.peer === peer)
  if (member !== undefined) resolve(member)
  return promise.finally(stop)
}

/** Resolves when `peer` leaves `network`. */
export async function leaves(network: PeerNetwork, peer: PeerId): Promise<Member> {
  const { promise, resolve } = Promise.withResolvers<Member>()
  const stop = network.onMembership({
    left: (member) => {
      if (member.peer === peer) resolve(member)
    },
  })
  return promise.finally(stop)
}

/** Resolves when `condition` holds; looks in each turn of the event loop. For what tells nobody when it happens. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await setImmediate()
}
