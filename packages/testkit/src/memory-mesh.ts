import {
  linkClassOf,
  PeerUnreachableError,
  systemClock,
  type Clock,
  type NodeFacts,
  type PeerId,
} from '@layermesh/interface'
import { MemoryGossip, type GossipFaults } from './memory-gossip.ts'
import { MemoryNode, type MemoryPeerNetwork, type MemoryMeshLinks } from './memory-peer-network.ts'
import { memoryStreamPair, type MemoryPeerStream } from './memory-peer-stream.ts'

/** Frames that a receiver may be behind before its sender waits. */
const DEFAULT_WINDOW_FRAMES = 2

/** Tunables of {@link createMemoryMesh}. */
export interface MemoryMeshInit {
  /** @default {@link DEFAULT_WINDOW_FRAMES} */
  readonly windowFrames?: number
  /** Decides about gossip faults; give it a seed to make them repeatable. */
  readonly random?: () => number
  /** Ends bans. */
  readonly clock?: Clock
  /** Whether its members count as having proven that they belong to it. @default true */
  readonly authenticated?: boolean
}

/**
 * A cluster in one process: every node that joins is a member for all others, unless a partition or a ban is
 * between them. Membership changes at once and is told to listeners in a microtask.
 */
export interface MemoryMesh {
  /** Adds a node, as `peer-<name>`. A name that has left can join again, as the same peer. */
  join(facts: NodeFacts): MemoryPeerNetwork
  /** Cuts the links between the groups; nodes that are in no group stay together. Replaces an earlier partition. */
  partition(...groups: readonly (readonly PeerId[])[]): void
  /** Ends the partition. */
  heal(): void
  /** Every node sends a heartbeat to its members. Heartbeats don't come by themselves here, and are never lost. */
  beat(): void
  /** Faults that gossip meets from now on; those not named are off. */
  setGossipFaults(faults: Partial<GossipFaults>): void
}

/** Creates a cluster without nodes. */
export function createMemoryMesh(init: MemoryMeshInit = {}): MemoryMesh {
  return new Mesh(init)
}

/** A stream that is being served, and between whom. */
interface Served {
  readonly peers: readonly [PeerId, PeerId]
  readonly stream: MemoryPeerStream
}

class Mesh implements MemoryMesh, MemoryMeshLinks {
  readonly #windowFrames: number
  readonly #authenticated: boolean
  readonly #clock: Clock
  readonly #gossip: MemoryGossip
  readonly #nodes = new Map<PeerId, MemoryNode>()
  readonly #streams = new Set<Served>()
  readonly #bans = new Set<string>()
  #groups = new Map<PeerId, number>()

  constructor(init: MemoryMeshInit) {
    this.#windowFrames = init.windowFrames ?? DEFAULT_WINDOW_FRAMES
    this.#clock = init.clock ?? systemClock
    this.#authenticated = init.authenticated ?? true
    this.#gossip = new MemoryGossip(init.random ?? Math.random)
  }

  join(facts: NodeFacts): MemoryPeerNetwork {
    const peer = `peer-${facts.name}` as PeerId
    if (this.#nodes.has(peer)) throw new Error(`${peer} is in the mesh already`)
    const node = new MemoryNode(
      {
        peer,
        ...facts,
        link: 'site',
        addresses: [`/memory/${facts.name}`],
        roundTripMs: undefined,
      },
      this.#authenticated,
      this,
    )
    this.#nodes.set(peer, node)
    this.#updateMembers()
    return node
  }

  partition(...groups: readonly (readonly PeerId[])[]): void {
    this.#groups = new Map(groups.flatMap((peers, group) => peers.map((peer) => [peer, group])))
    this.#updateMembers()
  }

  heal(): void {
    this.partition()
  }

  beat(from?: PeerId, fingerprint?: Uint8Array): void {
    if (from === undefined || fingerprint === undefined) {
      for (const node of this.#nodes.values()) node.beat()
      return
    }
    for (const [to, node] of this.#nodes) {
      if (to !== from && this.#linked(from, to)) node.receiveBeat(from, Uint8Array.from(fingerprint))
    }
  }

  setGossipFaults(faults: Partial<GossipFaults>): void {
    this.#gossip.setFaults(faults)
  }

  openStream(from: PeerId, to: PeerId, protocol: string): MemoryPeerStream {
    const opener = this.#nodes.get(from)
    const server = this.#nodes.get(to)
    if (opener === undefined || server === undefined || !this.#linked(from, to)) {
      throw new PeerUnreachableError(`${to} can't be reached`)
    }
    const handler = server.handlerOf(protocol)
    if (handler === undefined) throw new PeerUnreachableError(`${to} doesn't serve ${protocol}`)
    const [near, far] = memoryStreamPair(from, to, this.#windowFrames)
    const served: Served = { peers: [from, to], stream: far }
    this.#streams.add(served)
    void serve(far, () => handler(far, memberSeenFrom(server, opener))).then(() =>
      this.#streams.delete(served),
    )
    return near
  }

  publish(from: PeerId, topic: string, message: Uint8Array): void {
    for (const [to, node] of this.#nodes) {
      if (to === from || !this.#linked(from, to)) continue
      const copy = Uint8Array.from(message)
      this.#gossip.carry(from, to, () => {
        if (this.#nodes.get(to) === node && this.#linked(from, to)) node.receiveGossip(from, topic, copy)
      })
    }
  }

  ban(by: PeerId, peer: PeerId, durationMs: number): void {
    const pair = pairOf(by, peer)
    this.#bans.add(pair)
    this.#clock.setTimer(durationMs, () => {
      this.#bans.delete(pair)
      this.#updateMembers()
    })
    this.#updateMembers()
  }

  leave(peer: PeerId): void {
    this.#nodes.get(peer)?.updateMembers([])
    this.#nodes.delete(peer)
    this.#updateMembers()
  }

  #linked(a: PeerId, b: PeerId): boolean {
    if (!this.#nodes.has(a) || !this.#nodes.has(b) || this.#bans.has(pairOf(a, b))) return false
    return this.#groups.get(a) === this.#groups.get(b)
  }

  #updateMembers(): void {
    for (const served of this.#streams) {
      if (!this.#linked(...served.peers)) served.stream.abort()
    }
    for (const [peer, node] of this.#nodes) {
      const others = [...this.#nodes.values()].filter(
        (other) => other !== node && this.#linked(peer, other.self.peer),
      )
      node.updateMembers(others.map((other) => memberSeenFrom(node, other)))
    }
  }
}

async function serve(stream: MemoryPeerStream, handle: () => Promise<void>): Promise<void> {
  try {
    await handle()
    await stream.close()
    stream.stopReceiving()
  } catch {
    stream.abort()
  }
}

function memberSeenFrom(from: MemoryNode, node: MemoryNode) {
  return { ...node.self, link: linkClassOf(from.self.locality, node.self.locality) }
}

function pairOf(a: PeerId, b: PeerId): string {
  return a < b ? `${a} ${b}` : `${b} ${a}`
}
