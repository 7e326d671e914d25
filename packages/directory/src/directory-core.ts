import {
  PeerMissingError,
  PeerProtocolError,
  type CancelTimer,
  type Clock,
  type HoldingsSummary,
  type Locality,
  type PeerId,
} from '@layermesh/interface'
import type { Claim } from './claim.ts'
import { bucketBitsFor, type Fingerprint } from './fingerprint.ts'
import type { HoldingsAccount } from './holdings-account.ts'
import { HoldingsAnnouncer } from './holdings-announcer.ts'
import { HoldingsFollower, type SyncAttempt, type SyncOptions } from './holdings-follower.ts'
import type { HoldingsBeat } from './holdings-beat.ts'
import { CLUSTER_TOPIC, regionTopic, type HoldingsDelta } from './holdings-messages.ts'
import type { HoldingsPosition } from './account-state.ts'
import { HoldingsReplica } from './holdings-replica.ts'
import { HoldingsTable } from './holdings-table.ts'
import { RegionSpeakers } from './region-speakers.ts'
import {
  answerSync,
  type AccountName,
  type SyncAsk,
  type SyncReply,
  type SyncSource,
} from './sync-conversation.ts'
import { Turns } from './turns.ts'

/** How many accounts are compared at a time. */
const MAX_SYNCS = 16

/** Time between two steps of taking back memory, in milliseconds. */
const SWEEP_INTERVAL_MS = 20

/** How often is looked whether a speaker has fallen silent, in milliseconds. */
const REVIEW_INTERVAL_MS = 5000

/** After how long without its voice a region's speaker is replaced, in milliseconds: three heartbeats. */
const SPEAKER_PATIENCE_MS = 15_000

const NOTHING: HoldingsSummary = { blobs: 0, bytes: 0 }

/** A node as the directory sees it. */
export interface DirectoryNode {
  readonly peer: PeerId
  readonly locality: Locality
}

/** What a core needs to be part of a cluster. */
export interface DirectoryCoreDeps {
  readonly self: DirectoryNode
  readonly clock: Clock
  /** A number in [0, 1). */
  readonly random: () => number
  /** Best effort: messages may be lost, repeated or reordered. */
  readonly publish: (topic: string, message: HoldingsDelta) => void
  /** Has a peer's core answer an ask, by {@link DirectoryCore.answer}. */
  readonly requestSync: (
    peer: PeerId,
    ask: SyncAsk,
    options: { readonly signal: AbortSignal },
  ) => AsyncIterable<SyncReply>
  /** Has a heartbeat sent now instead of in some seconds. */
  readonly beatNow: () => void
  readonly onAttempt: (account: AccountName, attempt: SyncAttempt) => void
}

/** Tunables of a core. */
export interface DirectoryCoreInit {
  readonly batchDelayMs: number
  readonly gapPatienceMs: number
  /** Most pairs that are taken from one node, and from a region for each of its nodes. */
  readonly maxHoldingsPerPeer: number
}

/** An account of others, and what keeps it up to date. */
interface Followed {
  readonly account: HoldingsAccount
  readonly replica: HoldingsReplica
  readonly follower: HoldingsFollower
}

/**
 * All of the directory that isn't I/O: what this node holds and tells of it, what it knows of its region's nodes, what
 * it knows of other regions, and when it speaks for its own. Messages, members and time come from outside.
 */
export class DirectoryCore {
  readonly #deps: DirectoryCoreDeps
  readonly #init: DirectoryCoreInit
  readonly #table = new HoldingsTable()
  readonly #own: HoldingsAccount
  readonly #announcer: HoldingsAnnouncer
  /** What is announced on behalf of the region, while this node speaks for it. */
  #speech: HoldingsAnnouncer | undefined
  readonly #members = new Map<PeerId, Locality>()
  readonly #nodes = new Map<PeerId, Followed>()
  readonly #regions = new Map<string, Followed>()
  readonly #speakers = new Map<string, RegionSpeakers>()
  /** What nodes of other regions say they hold. */
  readonly #saidSummaries = new Map<PeerId, HoldingsSummary>()
  readonly #turns = new Turns(MAX_SYNCS)
  readonly #ending = new Set<Promise<void>>()
  #startedAtMs: number | undefined
  #cancelReview: CancelTimer | undefined
  #cancelSweep: CancelTimer | undefined

  constructor(deps: DirectoryCoreDeps, init: DirectoryCoreInit) {
    this.#deps = deps
    this.#init = init
    this.#own = this.#table.open({ regional: true, isLive: () => false })
    this.#announcer = this.#createAnnouncer(regionTopic(deps.self.locality.region), this.#own.fingerprint)
    this.#speakersOf(deps.self.locality.region).join(deps.self.peer, deps.clock.monotonicMs())
  }

  /** Pairs of a digest and another node that are known. */
  get pairs(): number {
    return this.#table.pairs - this.#own.fingerprint.count
  }

  /** Whether this node speaks for its region. */
  get isSpeaking(): boolean {
    return this.#speech !== undefined
  }

  /** Begins to speak; what was announced before is not gossiped. */
  start(): void {
    this.#startedAtMs = this.#deps.clock.monotonicMs()
    this.#announcer.start()
    this.#armReview()
    this.#reviewSpeech()
  }

  /** Ends everything, and forgets what others hold. Idempotent. */
  async stop(): Promise<void> {
    this.#startedAtMs = undefined
    this.#cancelReview?.()
    this.#announcer.stop()
    this.#endSpeech()
    for (const peer of [...this.#members.keys()]) this.left(peer)
    this.#cancelSweep?.()
    await Promise.all(this.#ending)
  }

  /** Live members that hold a blob, in no order. Of another region those that it names. */
  holders(hash: Uint8Array): readonly PeerId[] {
    return this.#table.holders(hash)
  }

  announce(hash: Uint8Array, sizeBytes: number): void {
    const claim: Claim = { peer: this.#deps.self.peer, hash, sizeBytes }
    if (this.#table.add(this.#own, claim)) this.#announcer.added(claim)
  }

  withdraw(hash: Uint8Array): void {
    const { peer } = this.#deps.self
    if (this.#table.remove(this.#own, peer, hash)) this.#announcer.removed(peer, hash)
  }

  /** Names `peer` as a holder no longer: it said that it isn't one. */
  forget(peer: PeerId, hash: Uint8Array): void {
    const account = this.#accountWith(peer)
    if (account !== undefined) this.#table.hide(account, peer, hash)
  }

  /** What a member holds: what we know, and in another region what it says. */
  summaryOf(peer: PeerId): HoldingsSummary {
    return this.#nodes.get(peer)?.account.summaryOf(peer) ?? this.#saidSummaries.get(peer) ?? NOTHING
  }

  /** The fingerprint of what is known about an account, and how many pairs it has; to compare views. */
  viewOf(
    name: AccountName,
  ): { readonly count: number; readonly high: number; readonly low: number } | undefined {
    const fingerprint = this.#ownFingerprint(name) ?? this.#followedBy(name)?.account.fingerprint
    return fingerprint === undefined ? undefined : { count: fingerprint.count, ...fingerprint.total() }
  }

  /** A node has become a member. */
  joined({ peer, locality }: DirectoryNode): void {
    if (this.#members.has(peer)) return
    const { region } = locality
    this.#members.set(peer, locality)
    this.#speakersOf(region).join(peer, this.#deps.clock.monotonicMs())
    if (this.#isOwnRegion(region)) this.#nodes.set(peer, this.#followNode(peer))
    else if (this.#regions.has(region)) this.#regions.get(region)?.account.updateLive(peer)
    else this.#regions.set(region, this.#followRegion(region))
    this.#reviewSpeech()
  }

  /** A node is no member any more. */
  left(peer: PeerId): void {
    const region = this.#members.get(peer)?.region
    if (region === undefined) return
    this.#members.delete(peer)
    this.#saidSummaries.delete(peer)
    const speakers = this.#speakersOf(region)
    speakers.leave(peer)
    if (this.#isOwnRegion(region)) {
      this.#unfollow(this.#nodes, peer)
    } else if (speakers.size > 0) {
      this.#regions.get(region)?.account.updateLive(peer)
    } else {
      this.#speakers.delete(region)
      this.#unfollow(this.#regions, region)
    }
    this.#reviewSpeech()
  }

  /** Takes a message of a member that came on {@link CLUSTER_TOPIC} or on the topic of this node's region. */
  receive(topic: string, from: PeerId, delta: HoldingsDelta): void {
    if (topic !== CLUSTER_TOPIC) {
      this.#nodes.get(from)?.follower.receive(delta)
      return
    }
    this.#listenTo(from)?.follower.receive(delta)
  }

  /** What the next heartbeat is to carry. */
  beat(): HoldingsBeat {
    const { bytes } = this.#own.summaryOf(this.#deps.self.peer)
    return { own: { ...this.#announcer.state(), bytes }, region: this.#speech?.state() }
  }

  /** Takes what the heartbeat of a member carried. */
  receiveBeat(from: PeerId, { own, region }: HoldingsBeat): void {
    const locality = this.#members.get(from)
    if (locality === undefined) return
    const node = this.#nodes.get(from)
    if (node === undefined) this.#saidSummaries.set(from, { blobs: own.count, bytes: own.bytes })
    else node.follower.check(own)
    if (region === undefined) this.#speakersOf(locality.region).hearNothing(from)
    else this.#listenTo(from)?.follower.check(region)
  }

  /** Replies to a peer that compares its view with ours. */
  answer(ask: SyncAsk): Generator<SyncReply, void> {
    return answerSync(this.#sourceOf(ask.account), ask)
  }

  /** Notes that a node speaks for its region; the region if that is another one and the node is to be believed. */
  #listenTo(speaker: PeerId): Followed | undefined {
    const region = this.#members.get(speaker)?.region
    if (region === undefined) return undefined
    const isBelieved = this.#speakersOf(region).hear(speaker, this.#deps.clock.monotonicMs())
    if (this.#isOwnRegion(region)) this.#reviewSpeech()
    return isBelieved ? this.#regions.get(region) : undefined
  }

  #createAnnouncer(topic: string, fingerprint: Fingerprint): HoldingsAnnouncer {
    const { clock, publish, random } = this.#deps
    return new HoldingsAnnouncer({
      clock,
      publish: (delta) => publish(topic, delta),
      fingerprint,
      epoch: Math.floor(random() * 2 ** 48),
      batchDelayMs: this.#init.batchDelayMs,
    })
  }

  #followNode(peer: PeerId): Followed {
    return this.#follow(
      { kind: 'node', peer },
      {
        regional: true,
        isLive: () => true,
        accepts: (holder) => holder === peer,
        // Others of the region know as much as the node itself, if it can't be reached.
        toAsk: (attempt) => (attempt % 2 === 0 ? peer : (this.#anyNeighbour(peer) ?? peer)),
        maxHoldings: () => this.#init.maxHoldingsPerPeer,
      },
    )
  }

  #followRegion(region: string): Followed {
    const isOf = (holder: PeerId, unknown: boolean) => {
      const locality = this.#members.get(holder)
      return locality === undefined ? unknown : locality.region === region
    }
    return this.#follow(
      { kind: 'region', region },
      {
        regional: false,
        isLive: (holder) => isOf(holder, false),
        accepts: (holder) => isOf(holder, holder !== this.#deps.self.peer),
        // A neighbour that knows spares the link between the regions.
        toAsk: (attempt) => {
          const speaker = this.#speakersOf(region).toAsk(this.#deps.clock.monotonicMs())
          return attempt % 2 === 0 ? (this.#anyNeighbour() ?? speaker) : speaker
        },
        maxHoldings: () => this.#init.maxHoldingsPerPeer * Math.max(1, this.#speakersOf(region).size),
      },
    )
  }

  #follow(name: AccountName, traits: AccountTraits): Followed {
    const { clock, onAttempt } = this.#deps
    const account = this.#table.open(traits)
    const replica = new HoldingsReplica({
      table: this.#table,
      account,
      accepts: traits.accepts,
      maxHoldings: traits.maxHoldings,
    })
    const follower = new HoldingsFollower({
      replica,
      clock,
      sync: (options) =>
        this.#turns.run(() => this.#compare(name, { account, replica, ...traits }, options), options),
      gapPatienceMs: this.#init.gapPatienceMs,
      onAttempt: (attempt) => {
        onAttempt(name, attempt)
        if (!attempt.aborted) this.#reviewSpeech()
      },
    })
    return { account, replica, follower }
  }

  /** Brings a replica up to date with what somebody knows who is asked. */
  async #compare(
    name: AccountName,
    { account, replica, toAsk, maxHoldings }: AccountTraits & Pick<Followed, 'account' | 'replica'>,
    { attempt, signal }: SyncOptions,
  ): Promise<void> {
    const peer = toAsk(attempt)
    if (peer === undefined) throw new PeerMissingError('nobody to ask')
    const buckets = account.fingerprint.buckets(bucketBitsFor(replica.expectedCount))
    let received = 0
    // Buckets come in their order, each once: without an order they might never end.
    let nextBucket = 0
    for await (const reply of this.#deps.requestSync(peer, { account: name, buckets }, { signal })) {
      signal.throwIfAborted()
      if (reply.kind === 'unknown') throw new PeerMissingError(`${peer} doesn't know it well enough`)
      if (reply.kind === 'end') {
        replica.endSync(reply)
        return
      }
      for (const [index, claims] of reply.buckets) {
        if (index < nextBucket) throw new PeerProtocolError(`bucket ${index} comes out of turn`)
        nextBucket = index + 1
        received += claims.length
        if (received > maxHoldings()) throw new PeerProtocolError(`more than ${maxHoldings()} holdings`)
        replica.replaceBucket({ bits: reply.bits, index }, claims)
      }
    }
  }

  #unfollow<K>(followed: Map<K, Followed>, key: K): void {
    const gone = followed.get(key)
    if (gone === undefined) return
    followed.delete(key)
    this.#table.close(gone.account)
    this.#armSweep()
    const ending = gone.follower.stop().finally(() => this.#ending.delete(ending))
    this.#ending.add(ending)
  }

  #sourceOf(name: AccountName): SyncSource | undefined {
    const position = this.#positionOf(name)
    if (position === undefined) return undefined
    if (name.kind === 'region' && this.#isOwnRegion(name.region)) {
      const { named } = this.#table
      return {
        position,
        count: named.fingerprint.count,
        buckets: (bits) => named.fingerprint.buckets(bits),
        claimsIn: (bucket) => named.claimsIn(bucket),
      }
    }
    const account = this.#followedBy(name)?.account ?? this.#own
    return {
      position,
      count: account.fingerprint.count,
      buckets: (bits) => account.fingerprint.buckets(bits),
      claimsIn: (bucket) => this.#table.claimsIn(account, bucket),
    }
  }

  #positionOf(name: AccountName): HoldingsPosition | undefined {
    if (name.kind === 'node' && name.peer === this.#deps.self.peer) return this.#announcer.position
    if (name.kind === 'region' && this.#isOwnRegion(name.region)) return this.#speech?.position
    return this.#followedBy(name)?.replica.vouchedPosition
  }

  #ownFingerprint(name: AccountName) {
    if (name.kind === 'node') return name.peer === this.#deps.self.peer ? this.#own.fingerprint : undefined
    return this.#isOwnRegion(name.region) ? this.#table.named.fingerprint : undefined
  }

  #followedBy(name: AccountName): Followed | undefined {
    return name.kind === 'node' ? this.#nodes.get(name.peer) : this.#regions.get(name.region)
  }

  #accountWith(peer: PeerId): HoldingsAccount | undefined {
    const region = this.#members.get(peer)?.region
    return region === undefined ? undefined : (this.#nodes.get(peer) ?? this.#regions.get(region))?.account
  }

  #anyNeighbour(except?: PeerId): PeerId | undefined {
    const neighbours = [...this.#nodes.keys()].filter((peer) => peer !== except)
    return neighbours[Math.floor(this.#deps.random() * neighbours.length)]
  }

  #isOwnRegion(region: string): boolean {
    return region === this.#deps.self.locality.region
  }

  #speakersOf(region: string): RegionSpeakers {
    const speakers = this.#speakers.get(region) ?? new RegionSpeakers(region, SPEAKER_PATIENCE_MS)
    this.#speakers.set(region, speakers)
    return speakers
  }

  #armReview(): void {
    this.#cancelReview = this.#deps.clock.setTimer(REVIEW_INTERVAL_MS, () => {
      this.#armReview()
      this.#reviewSpeech()
    })
  }

  /** Begins or ends to speak for the region. */
  #reviewSpeech(): void {
    const { clock, self } = this.#deps
    const nowMs = clock.monotonicMs()
    const speakers = this.#speakersOf(self.locality.region)
    const isSpeaker =
      this.#hasSomethingToSay(nowMs) && speakers.shouldSpeak(self.peer, this.isSpeaking, nowMs)
    if (isSpeaker && !this.isSpeaking) this.#beginSpeech()
    if (!isSpeaker) this.#endSpeech()
  }

  /** Somebody must be there to hear it, and who has just started must have learned what there is to say. */
  #hasSomethingToSay(nowMs: number): boolean {
    if (this.#startedAtMs === undefined || this.#regions.size === 0) return false
    if (this.isSpeaking) return true
    return (
      nowMs - this.#startedAtMs >= SPEAKER_PATIENCE_MS ||
      this.#nodes.values().every(({ replica }) => replica.state === 'current')
    )
  }

  #beginSpeech(): void {
    const { named } = this.#table
    const speech = this.#createAnnouncer(CLUSTER_TOPIC, named.fingerprint)
    this.#speech = speech
    named.onChange = ({ kind, claim }) => {
      if (kind === 'named') speech.added(claim)
      else speech.removed(claim.peer, claim.hash)
    }
    speech.start()
    this.#deps.beatNow()
  }

  #endSpeech(): void {
    this.#speech?.stop()
    this.#speech = undefined
    this.#table.named.onChange = undefined
  }

  #armSweep(): void {
    this.#cancelSweep ??= this.#deps.clock.setTimer(SWEEP_INTERVAL_MS, () => {
      this.#cancelSweep = undefined
      if (this.#table.sweep()) this.#armSweep()
    })
  }
}

/** What is different between the accounts of nodes and those of regions. */
interface AccountTraits {
  readonly regional: boolean
  readonly isLive: (holder: PeerId) => boolean
  /** Whether the author may speak of this holder. */
  readonly accepts: (holder: PeerId) => boolean
  /** Whom to compare with. */
  readonly toAsk: (attempt: number) => PeerId | undefined
  readonly maxHoldings: () => number
}
