import {
  SlowPeers,
  SourceRoster,
  type PeerOffences,
  type Source,
  type UpstreamPauses,
} from '@layermesh/fetcher'
import {
  BlobCorruptError,
  ContentUnavailableError,
  PeerMissingError,
  PeerStalledError,
  PeerStreamError,
  PeerUnreachableError,
  silentLog,
  type ContentRef,
  type Digest,
  type LayermeshError,
  type Member,
  type PeerId,
} from '@layermesh/interface'
import { rankByRendezvous } from '@layermesh/directory'

import type { NetworkNode, SimNetwork } from './sim-network.ts'
import { PIECES, rightPiece, type SimUpstream } from './sim-upstream.ts'
import type { VirtualClock } from './virtual-clock.ts'

const SOURCES = ['site', 'region', 'world', 'upstream'] as const
const MAX_RESTARTS = 3
const UPSTREAM_PIECE_MS = 60
const PEER_PIECE_MS = 10
const POLL_MS = 100
const STALL_MS = 2000

type PeerSource = Exclude<Source, { kind: 'upstream' }>

/** Something that is being taken from a peer. */
interface Transfer {
  readonly source: PeerSource
  readonly peer: JobNode
  readonly life: number
  /** Which beginning of the peer's job it follows; undefined before it follows any. */
  readonly generation: number | undefined
}

/** A node, as far as its jobs are concerned. */
export interface JobNode extends NetworkNode {
  readonly self: Member
  readonly deps: {
    readonly clock: VirtualClock
    readonly random: () => number
    readonly network: Pick<SimNetwork, 'linked' | 'latencyMs'> & {
      readonly nodes: ReadonlyMap<PeerId, JobNode>
    }
    readonly upstream: SimUpstream
  }
  readonly held: ReadonlySet<Digest>
  readonly jobs: Map<Digest, SimJob>
  readonly offences: PeerOffences
  readonly pauses: UpstreamPauses
  /** Whether it doesn't know yet what new members hold. */
  readonly isLearning: boolean
  holders(digest: Digest): readonly PeerId[]
  forget(peer: PeerId, digest: Digest): void
  ban(peer: PeerId, durationMs: number): void
  /** Joins the job for a digest, or starts one. */
  join(digest: Digest): SimJob
  keep(digest: Digest): void
  /** A piece of a blob that is on the disk. */
  storedPiece(digest: Digest, index: number): string
}

/** How a job has ended. */
export type JobEnd = 'done' | 'failed' | 'abandoned'

/** A node's fetch of one blob: asks the sources that the daemon's roster names, one after the other. */
export class SimJob {
  readonly node: JobNode
  readonly digest: Digest
  readonly #roster: SourceRoster
  readonly #onEnd: ((end: JobEnd) => void)[] = []
  /** What has come so far. */
  pieces: string[] = []
  end: JobEnd | undefined
  /** Counts its beginnings from nothing: who follows one can't go on with the next. */
  generation = 0
  #begun = false

  constructor(node: JobNode, digest: Digest) {
    this.node = node
    this.digest = digest
    const { clock, random } = node.deps
    const ref: ContentRef = { upstream: 'docker.io', repository: 'library/sim', kind: 'blob', digest }
    this.#roster = new SourceRoster(
      {
        network: {
          authenticated: true,
          self: node.self,
          members: () => node.view.list(),
          ban: (peer, durationMs) => node.ban(peer, durationMs),
          isCutOff: false,
        },
        directory: {
          holders: () => node.holders(digest),
          forget: (peer) => node.forget(peer, digest),
          get isLearning() {
            return node.isLearning
          },
        },
        slowPeers: new SlowPeers(clock),
        ...{ offences: node.offences, pauses: node.pauses, clock, log: silentLog, random },
      },
      { ref, sources: SOURCES },
    )
  }

  begin(): void {
    if (this.#begun) return
    this.#begun = true
    this.#next()
  }

  /** Calls `listener` when the job has ended. */
  whenEnded(listener: (end: JobEnd) => void): void {
    if (this.end === undefined) this.#onEnd.push(listener)
    else listener(this.end)
  }

  /** Remembers that a node that waits for this one has so many pieces. */
  askedBy(follower: SimJob): void {
    this.#roster.offered(follower.node.peer, follower.pieces.length)
  }

  /** Ends because its node is no more. */
  abandon(): void {
    this.#finish('abandoned')
  }

  #next(): void {
    if (this.end !== undefined) return
    if (this.node.held.has(this.digest)) {
      this.#finish('done')
      return
    }
    if (this.pieces.length === PIECES) {
      this.#complete()
      return
    }
    const next = this.#roster.next(this.pieces.length)
    if (next === undefined) this.#finish('failed')
    else if (next.kind === 'search') this.#after(0, () => this.#next())
    else if (next.kind === 'rest') this.#after(next.delayMs, () => this.#next())
    else this.#ask(next)
  }

  #complete(): void {
    const { digest, pieces } = this
    if (pieces.every((piece, index) => piece === rightPiece(digest, index))) {
      this.node.keep(digest)
      this.#finish('done')
      return
    }
    this.#roster.corrupted(new BlobCorruptError(digest, 'something else'))
    this.generation += 1
    this.pieces = []
    if (this.generation > MAX_RESTARTS) this.#finish('failed')
    else this.#next()
  }

  #ask(source: Source): void {
    if (source.kind === 'upstream') this.#askUpstream(source)
    else this.#askPeer(source)
  }

  #askUpstream(source: Source): void {
    const { random, upstream } = this.node.deps
    const take = () => {
      if (!upstream.isUp || random() < upstream.failures) {
        this.#failed(source, new ContentUnavailableError('upstream does not answer'))
        return
      }
      this.#take(source, upstream.give(this.digest, this.pieces.length))
      if (this.pieces.length === PIECES) this.#next()
      else this.#after(UPSTREAM_PIECE_MS, take)
    }
    this.#after(UPSTREAM_PIECE_MS * (1 + random()), take)
  }

  #askPeer(source: PeerSource): void {
    const { network } = this.node.deps
    const peer = network.nodes.get(source.peer)
    if (peer === undefined || !network.linked(this.node, peer)) {
      this.#after(STALL_MS, () => this.#failed(source, new PeerUnreachableError("it can't be reached")))
      return
    }
    const [{ life }, generation] = [peer, peer.jobs.get(this.digest)?.generation]
    this.#after(2 * network.latencyMs(this.node, peer), () =>
      this.#transfer({ source, peer, life, generation }),
    )
  }

  /** Takes piece by piece what a peer has or gets. */
  #transfer(transfer: Transfer): void {
    const { source, peer, life } = transfer
    const { network } = this.node.deps
    if (peer.life !== life) {
      this.#failed(source, new PeerStreamError('it is gone'))
    } else if (!network.linked(this.node, peer)) {
      this.#after(STALL_MS, () => this.#failed(source, new PeerStalledError('it shows no life')))
    } else if (!peer.view.has(this.node.peer)) {
      this.#failed(source, new PeerUnreachableError('it does not take this node for a member'))
    } else if (peer.held.has(this.digest)) {
      this.#takeFrom(transfer, peer.storedPiece(this.digest, this.pieces.length))
    } else if (source.kind === 'lead') {
      this.#follow(transfer)
    } else {
      const piece = peer.jobs.get(this.digest)?.pieces[this.pieces.length]
      if (piece !== undefined && source.kind === 'follower') this.#takeFrom(transfer, piece)
      else this.#failed(source, new PeerMissingError('it has it not'))
    }
  }

  /** Waits for what a lead gets. */
  #follow(transfer: Transfer): void {
    const { source, peer } = transfer
    if (rankByRendezvous(this.digest, [this.node.peer, peer.peer])[0] !== peer.peer) {
      this.#failed(source, new PeerMissingError('it comes later in rendezvous order'))
      return
    }
    const job = peer.join(this.digest)
    job.askedBy(this)
    const generation = transfer.generation ?? job.generation
    const piece = job.pieces[this.pieces.length]
    if (job.generation !== generation) this.#failed(source, new PeerStreamError('it has begun anew'))
    else if (job.end === 'failed') this.#failed(source, new PeerMissingError('it could not get it'))
    else if (piece !== undefined && !this.#isHeldBack(job)) this.#takeFrom({ ...transfer, generation }, piece)
    else this.#after(POLL_MS, () => this.#transfer({ ...transfer, generation }))
  }

  /** The last piece is given out when the whole has turned out right. */
  #isHeldBack(job: SimJob): boolean {
    return this.pieces.length === PIECES - 1 && job.end === undefined
  }

  #takeFrom(transfer: Transfer, piece: string): void {
    this.#take(transfer.source, piece)
    if (this.pieces.length === PIECES) this.#next()
    else this.#after(PEER_PIECE_MS, () => this.#transfer(transfer))
  }

  #take(source: Source, piece: string): void {
    this.#roster.contributed(source)
    this.pieces.push(piece)
  }

  #failed(source: Source, error: LayermeshError): void {
    this.#roster.failed(source, error)
    this.#next()
  }

  #after(delayMs: number, work: () => void): void {
    this.node.deps.clock.setTimer(delayMs, () => {
      if (this.end === undefined) work()
    })
  }

  #finish(end: JobEnd): void {
    if (this.end !== undefined) return
    this.end = end
    if (this.node.jobs.get(this.digest) === this) this.node.jobs.delete(this.digest)
    for (const listener of this.#onEnd.splice(0)) listener(end)
  }
}
