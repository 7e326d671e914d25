import type { DirectoryCore, HoldingsBeat, HoldingsDelta, SyncAsk, SyncReply } from '@layermesh/directory'
import { PeerStreamError, PeerUnreachableError, type Locality, type PeerId } from '@layermesh/interface'
import type { Beat, MembershipView } from '@layermesh/mesh'

import type { VirtualClock } from './virtual-clock.ts'

/** What messages meet on their way; probabilities are from 0 to 1. */
export interface NetworkFaults {
  /** Of gossip and of heartbeats. */
  readonly loss: number
  /** Of gossip. */
  readonly duplicates: number
  /** That gossip takes seconds instead of milliseconds. */
  readonly delays: number
}

const CALM: NetworkFaults = { loss: 0, duplicates: 0, delays: 0 }
const LONG_DELAY_MS = 4000
const BEAT_DELAY_MS = 50

/** What went over the network. */
export interface NetworkCounts {
  gossip: number
  beats: number
  syncs: number
}

/** A heartbeat, and what it carries for the directories of others, whose bytes are not written here. */
export interface CarriedBeat {
  readonly beat: Beat
  readonly holdings: HoldingsBeat | undefined
}

/** A node, as far as the network is concerned. */
export interface NetworkNode {
  readonly peer: PeerId
  readonly locality: Locality
  readonly alive: boolean
  /** Counts its starts. */
  readonly life: number
  readonly view: MembershipView
  readonly directory: DirectoryCore | undefined
  /** What it says next, the same for all who hear it. */
  nextBeat(): CarriedBeat
  receiveBeat(from: PeerId, carried: CarriedBeat): void
  hasTopic(topic: string): boolean
}

/** Who can reach whom, and how well. */
export class SimNetwork<N extends NetworkNode = NetworkNode> {
  readonly nodes = new Map<PeerId, N>()
  readonly counts: NetworkCounts = { gossip: 0, beats: 0, syncs: 0 }
  readonly #clock: VirtualClock
  readonly #random: () => number
  readonly #groups = new Map<PeerId, number>()
  #beats: { readonly from: N; readonly life: number; readonly carried: CarriedBeat }[] = []
  faults: NetworkFaults = CALM

  constructor(clock: VirtualClock, random: () => number) {
    this.#clock = clock
    this.#random = random
  }

  /** Cuts the links between some nodes and all others. */
  partition(peers: readonly PeerId[], group: number): void {
    for (const peer of peers) this.#groups.set(peer, group)
  }

  heal(): void {
    this.#groups.clear()
  }

  calm(): void {
    this.faults = CALM
  }

  /** Whether two nodes are alive and can reach each other. */
  linked(a: NetworkNode, b: NetworkNode): boolean {
    if (!a.alive || !b.alive) return false
    return this.#groups.size === 0 || (this.#groups.get(a.peer) ?? 0) === (this.#groups.get(b.peer) ?? 0)
  }

  /** Time that a message takes one way, in milliseconds. */
  latencyMs(a: NetworkNode, b: NetworkNode): number {
    const base = a.locality.region === b.locality.region ? 1 : 40
    return base * (1 + this.#random())
  }

  /**
   * Sends a heartbeat to all members. Those of a short time arrive together: what one node knows is then gone through for many of
   * them at once, which is most of what thousands of nodes cost.
   */
  beat(from: N): void {
    if (this.#beats.length === 0) this.#clock.setTimer(BEAT_DELAY_MS, () => this.#deliverBeats())
    this.#beats.push({ from, life: from.life, carried: from.nextBeat() })
  }

  /** Carries gossip to all members that have the topic. */
  publish(from: NetworkNode, topic: string, delta: HoldingsDelta): void {
    for (const to of this.nodes.values()) {
      if (to === from || !to.hasTopic(topic) || !this.linked(from, to) || !to.view.has(from.peer)) continue
      if (this.#random() < this.faults.loss) continue
      const times = this.#random() < this.faults.duplicates ? 2 : 1
      for (let time = 0; time < times; time += 1) {
        const delayMs = this.#random() < this.faults.delays ? LONG_DELAY_MS * this.#random() : 0
        const { life } = to
        this.#clock.setTimer(this.latencyMs(from, to) + delayMs, () => {
          if (to.life !== life || !this.linked(from, to) || !to.view.has(from.peer)) return
          this.counts.gossip += 1
          to.directory?.receive(topic, from.peer, delta)
        })
      }
    }
  }

  /** Has another node answer an ask about holdings. */
  async *requestSync(
    from: NetworkNode,
    peer: PeerId,
    ask: SyncAsk,
    { signal }: { readonly signal: AbortSignal },
  ): AsyncGenerator<SyncReply, void> {
    this.counts.syncs += 1
    const [to, { life }] = [this.nodes.get(peer), from]
    const lifeOfTo = to?.life
    const directory = await this.#reach(from, to)
    for (const reply of directory.answer(ask)) {
      await this.#pass(this.latencyMs(from, from))
      signal.throwIfAborted()
      if (from.life !== life || to === undefined || to.life !== lifeOfTo || !this.linked(from, to)) {
        throw new PeerStreamError(`${peer} is gone`)
      }
      yield reply
    }
  }

  #deliverBeats(): void {
    const sent = this.#beats.filter(({ from, life }) => from.life === life)
    this.#beats = []
    const { loss } = this.faults
    for (const to of this.nodes.values()) {
      if (!to.alive) continue
      for (const { from, life, carried } of sent) {
        if (from === to || from.life !== life || !this.linked(from, to) || !from.view.has(to.peer)) continue
        if (loss > 0 && this.#random() < loss) continue
        this.counts.beats += 1
        to.receiveBeat(from.peer, carried)
      }
    }
  }

  async #reach(from: NetworkNode, to: NetworkNode | undefined): Promise<DirectoryCore> {
    await this.#pass(to === undefined ? 1 : 2 * this.latencyMs(from, to))
    if (to?.directory === undefined || !this.linked(from, to) || !to.view.has(from.peer)) {
      throw new PeerUnreachableError("it can't be reached")
    }
    return to.directory
  }

  #pass(ms: number): Promise<void> {
    return new Promise((resolve) => this.#clock.setTimer(ms, resolve))
  }
}
