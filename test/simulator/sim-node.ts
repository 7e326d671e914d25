import { DirectoryCore, leadChain, type LeadChain, type RendezvousOrder } from '@layermesh/directory'
import { PeerOffences, UpstreamPauses } from '@layermesh/fetcher'
import type { Digest, Locality, Member, PeerId } from '@layermesh/interface'
import {
  BEAT_INTERVAL_MS,
  MembershipView,
  TICK_INTERVAL_MS,
  type AdmittedPeer,
  type MembershipEvent,
} from '@layermesh/mesh'
import { digestHex } from '@layermesh/oci'

import { SimJob, type JobNode } from './sim-job.ts'
import type { CarriedBeat, SimNetwork } from './sim-network.ts'
import { rightPiece, type SimUpstream } from './sim-upstream.ts'
import { nodePrintOf, ViewPrint, type NodePrint } from './view-print.ts'
import type { VirtualClock } from './virtual-clock.ts'

/** What a node is from its first start on. */
export interface SimNodeInit {
  readonly name: string
  readonly locality: Locality
  /** Gives wrong bytes to whoever asks, without knowing. */
  readonly isRotten: boolean
  /** An older version has no directory: it says nothing of what it holds, and doesn't know what others do. */
  readonly isOlder: boolean
}

/** What all nodes share. */
export interface SimNodeDeps {
  readonly clock: VirtualClock
  readonly random: () => number
  readonly network: SimNetwork<SimNode>
  readonly upstream: SimUpstream
}

const REDIAL_MS = 2000
/** Who dials many does so in so many turns: a timer for each pair of thousands would be millions. */
const DIAL_TURNS = 40
const BLOB_BYTES = 1000
const NOTHING = new Uint8Array()
const VITALS = { load: 0, capabilities: [] }

/** A node: the daemon's own membership, directory and lead logic, and as little as possible around it. */
export class SimNode implements JobNode {
  readonly peer: PeerId
  readonly locality: Locality
  readonly deps: SimNodeDeps
  readonly self: Member
  readonly held = new Set<Digest>()
  readonly jobs = new Map<Digest, SimJob>()
  readonly offences = new PeerOffences()
  pauses: UpstreamPauses
  view: MembershipView
  /** Which nodes it sees, itself among them, as its membership has told. */
  viewPrint = new ViewPrint()
  readonly print: NodePrint
  directory: DirectoryCore | undefined
  /** Counts its starts; what belongs to an earlier life comes to nothing. */
  life = 0
  alive = false
  readonly #init: SimNodeInit
  readonly #said: AdmittedPeer
  readonly #topicEnd: string
  readonly #bannedUntilMs = new Map<PeerId, number>()
  #epoch = 0
  #sequence = 0

  constructor(deps: SimNodeDeps, init: SimNodeInit) {
    this.deps = deps
    this.#init = init
    this.peer = `peer-${init.name}` as PeerId
    this.locality = init.locality
    this.self = {
      ...{
        peer: this.peer,
        name: init.name,
        version: init.isOlder ? '0.9.0' : '1.0.0',
        locality: init.locality,
      },
      ...{ link: 'site', addresses: [], roundTripMs: undefined },
    }
    const { name, version, locality } = this.self
    this.#said = { facts: { name, version, locality }, addresses: [] }
    this.#topicEnd = `/${locality.region}`
    this.print = nodePrintOf(this.peer)
    this.view = new MembershipView(this.locality, 0)
    this.pauses = new UpstreamPauses(deps.clock)
  }

  get isRotten(): boolean {
    return this.#init.isRotten
  }

  /** Starts with what is on its disk. */
  start(): void {
    const { clock, network, random } = this.deps
    this.life += 1
    this.alive = true
    this.#epoch = Math.floor(random() * 2 ** 48)
    this.#sequence = 0
    this.view = new MembershipView(this.locality, clock.monotonicMs())
    this.viewPrint = new ViewPrint()
    this.viewPrint.toggle(this.print, 'site')
    this.pauses = new UpstreamPauses(clock)
    if (!this.#init.isOlder) {
      const core = new DirectoryCore(
        {
          ...{ self: this.self, clock, random },
          publish: (topic, delta) => network.publish(this, topic, delta),
          requestSync: (peer, ask, options) => network.requestSync(this, peer, ask, options),
          beatNow: () => network.beat(this),
          onAttempt: () => {},
        },
        { batchDelayMs: 50, gapPatienceMs: 500, maxHoldingsPerPeer: 1_000_000 },
      )
      for (const digest of this.held) core.announce(hashOf(digest), BLOB_BYTES)
      core.start()
      this.directory = core
    }
    this.#every(BEAT_INTERVAL_MS, () => network.beat(this))
    this.#every(TICK_INTERVAL_MS, () => this.#apply(this.view.tick(clock.monotonicMs())))
    // Who starts later dials by itself.
    this.dialAll([...network.nodes.values()].filter(({ alive }) => alive))
  }

  /** Dies. Others notice at once if `isNoticed`, as when a process dies and not its machine. */
  crash(isNoticed: boolean): void {
    const { network } = this.deps
    for (const other of network.nodes.values()) {
      if (isNoticed && network.linked(this, other)) other.lose(this.peer)
    }
    this.alive = false
    this.life += 1
    for (const job of [...this.jobs.values()]) job.abandon()
    this.jobs.clear()
    void this.directory?.stop()
    this.directory = undefined
  }

  /** Connects to other nodes some time soon, if that can be. */
  dialAll(others: readonly SimNode[]): void {
    const { clock, random } = this.deps
    const turns = new Map<number, (readonly [other: SimNode, life: number])[]>()
    for (const other of others) {
      if (other === this) continue
      const turn = Math.floor(DIAL_TURNS * random())
      const dialled = turns.get(turn)
      if (dialled === undefined) turns.set(turn, [[other, other.life]])
      else dialled.push([other, other.life])
    }
    const { life } = this
    for (const [turn, dialled] of turns) {
      clock.setTimer((REDIAL_MS * (turn + random())) / DIAL_TURNS, () => {
        if (this.life !== life) return
        for (const [other, lifeOfOther] of dialled) if (other.life === lifeOfOther) this.#connect(other)
      })
    }
  }

  /** The connection to a peer has ended. */
  lose(peer: PeerId): void {
    this.#apply(this.view.leave(peer, 'lost'))
  }

  ban(peer: PeerId, durationMs: number): void {
    const { clock, network } = this.deps
    this.#bannedUntilMs.set(peer, clock.monotonicMs() + durationMs)
    this.lose(peer)
    network.nodes.get(peer)?.lose(this.peer)
  }

  /** Whether it has cut another node off. */
  isBanned({ peer }: SimNode): boolean {
    return (this.#bannedUntilMs.get(peer) ?? 0) > this.deps.clock.monotonicMs()
  }

  nextBeat(): CarriedBeat {
    this.#sequence += 1
    const holdings = this.directory?.beat()
    const [epoch, sequence] = [this.#epoch, this.#sequence]
    return { beat: { epoch, sequence, vitals: VITALS, fingerprint: holdings && NOTHING }, holdings }
  }

  receiveBeat(from: PeerId, { beat, holdings }: CarriedBeat): void {
    const events = this.view.beat(from, beat)
    this.#apply(events)
    if (holdings !== undefined && events.at(-1)?.kind === 'fingerprint') {
      this.directory?.receiveBeat(from, holdings)
    }
  }

  hasTopic(topic: string): boolean {
    if (this.directory === undefined) return false
    return topic.endsWith('/cluster') || topic.endsWith(this.#topicEnd)
  }

  leads(order: RendezvousOrder): LeadChain {
    return leadChain(order, { self: this.self, members: this.view.list() })
  }

  get isLearning(): boolean {
    return this.directory?.isLearning ?? false
  }

  holders(digest: Digest): readonly PeerId[] {
    return this.directory?.holders(hashOf(digest)) ?? []
  }

  forget(peer: PeerId, digest: Digest): void {
    this.directory?.forget(peer, hashOf(digest))
  }

  /** Joins the job for a digest, or starts one. */
  join(digest: Digest): SimJob {
    const job = this.jobs.get(digest) ?? new SimJob(this, digest)
    this.jobs.set(digest, job)
    job.begin()
    return job
  }

  /** A piece of a blob that is on the disk. */
  storedPiece(digest: Digest, index: number): string {
    return this.isRotten ? 'rot' : rightPiece(digest, index)
  }

  keep(digest: Digest): void {
    this.held.add(digest)
    this.directory?.announce(hashOf(digest), BLOB_BYTES)
  }

  evict(digest: Digest): void {
    if (this.held.delete(digest)) this.directory?.withdraw(hashOf(digest))
  }

  #connect(other: SimNode): void {
    if (!this.deps.network.linked(this, other) || this.isBanned(other) || other.isBanned(this)) return
    this.#apply(this.view.admit(other.peer, other.#said))
    other.#apply(other.view.admit(this.peer, this.#said))
  }

  #apply(events: readonly MembershipEvent[]): void {
    const { network } = this.deps
    for (const event of events) {
      if (event.kind === 'fingerprint') continue
      const { peer, link, locality } = event.member
      const other = network.nodes.get(peer)
      if (other === undefined) continue
      if (event.kind === 'joined') {
        this.viewPrint.toggle(other.print, link)
        this.directory?.joined({ peer, locality })
      } else if (event.kind === 'left') {
        this.viewPrint.toggle(other.print, link)
        this.directory?.left(peer)
        // Whoever gives a connection up ends it for both.
        if (event.reason === 'silent') other.lose(this.peer)
        // Who can't be reached dials when it starts, or when the network has healed.
        if (event.reason !== 'restarted' && network.linked(this, other)) this.dialAll([other])
      }
    }
  }

  #every(intervalMs: number, work: () => void): void {
    const { clock, random } = this.deps
    const { life } = this
    const again = () => {
      if (this.life !== life) return
      work()
      clock.setTimer(intervalMs, again)
    }
    clock.setTimer(intervalMs * random(), again)
  }
}

function hashOf(digest: Digest): Uint8Array {
  return Buffer.from(digestHex(digest), 'hex')
}
