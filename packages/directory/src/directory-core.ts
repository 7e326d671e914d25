import type { CancelTimer, Clock, HoldingsSummary, Locality, PeerId } from '@layermesh/interface'
import type { Claim } from './claim.ts'
import type { Fingerprint } from './fingerprint.ts'
import { FollowedAccounts, type Followed, type RequestSync } from './followed-accounts.ts'
import type { HoldingsAccount } from './holdings-account.ts'
import { HoldingsAnnouncer } from './holdings-announcer.ts'
import type { HoldingsBeat } from './holdings-beat.ts'
import type { SyncAttempt } from './holdings-follower.ts'
import { CLUSTER_TOPIC, regionTopic, type HoldingsDelta } from './holdings-messages.ts'
import type { HoldingsPosition } from './account-state.ts'
import { HoldingsTable } from './holdings-table.ts'
import { RegionSpeakers } from './region-speakers.ts'
import {
  answerSync,
  type AccountName,
  type SyncAsk,
  type SyncReply,
  type SyncSource,
} from './sync-conversation.ts'

/** For how long it is waited to hear what a new member holds, in milliseconds. */
export const LEARNING_PATIENCE_MS = 2000

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
  readonly requestSync: RequestSync
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

/** What is known of a member. */
interface KnownMember {
  readonly locality: Locality
  /** Who speaks for its region. */
  readonly speakers: RegionSpeakers
  /** Its account, if it is of this node's region. */
  readonly followed: Followed | undefined
  /** What it says that it holds, if it is of another region. */
  said: HoldingsBeat['own'] | undefined
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
  readonly #members = new Map<PeerId, KnownMember>()
  /** The accounts of members of this node's region. */
  readonly #nodes = new Map<PeerId, Followed>()
  readonly #regions = new Map<string, Followed>()
  readonly #speakers = new Map<string, RegionSpeakers>()
  readonly #followed: FollowedAccounts
  #startedAtMs: number | undefined
  #cancelReview: CancelTimer | undefined

  constructor(deps: DirectoryCoreDeps, init: DirectoryCoreInit) {
    this.#deps = deps
    this.#init = init
    const { clock, onAttempt, requestSync } = deps
    this.#followed = new FollowedAccounts({
      ...{ table: this.#table, clock, requestSync, gapPatienceMs: init.gapPatienceMs },
      onAttempt: (name, attempt) => {
        onAttempt(name, attempt)
        if (!attempt.aborted) this.#reviewSpeech()
      },
    })
    this.#own = this.#table.open({ regional: true, isLive: () => false })
    this.#announcer = this.#createAnnouncer(regionTopic(deps.self.locality.region), this.#own.fingerprint)
    this.#speakersOf(deps.self.locality.region).join(deps.self.peer, deps.clock.monotonicMs())
  }

  /** Pairs of a digest and another node that are known. */
  get pairs(): number {
    return this.#table.pairs - this.#own.fingerprint.count
  }

  /** Whether an account that is followed since a short while only is not known yet. */
  get isLearning(): boolean {
    const newSinceMs = this.#deps.clock.monotonicMs() - LEARNING_PATIENCE_MS
    return [...this.#nodes.values(), ...this.#regions.values()].some(
      ({ replica, sinceMs }) => sinceMs > newSinceMs && replica.state !== 'current',
    )
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
    await this.#followed.stop()
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
    const { followed, said } = this.#members.get(peer) ?? {}
    if (followed !== undefined) return followed.account.summaryOf(peer)
    return said === undefined ? NOTHING : { blobs: said.count, bytes: said.bytes }
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
    const followed = this.#isOwnRegion(region) ? this.#followNode(peer) : undefined
    const speakers = this.#speakersOf(region)
    this.#members.set(peer, { locality, speakers, followed, said: undefined })
    speakers.join(peer, this.#deps.clock.monotonicMs())
    if (followed !== undefined) {
      this.#nodes.set(peer, followed)
    } else {
      const known = this.#regions.get(region)
      if (known === undefined) this.#regions.set(region, this.#followRegion(region))
      else known.account.updateLive(peer)
      // Who else is in another region makes no difference to who speaks for this one.
      if (known !== undefined) return
    }
    this.#reviewSpeech()
  }

  /** A node is no member any more. */
  left(peer: PeerId): void {
    const member = this.#members.get(peer)
    if (member === undefined) return
    const { locality, speakers } = member
    const { region } = locality
    this.#members.delete(peer)
    speakers.leave(peer)
    if (this.#isOwnRegion(region)) {
      this.#unfollow(this.#nodes, peer)
    } else if (speakers.size > 0) {
      this.#regions.get(region)?.account.updateLive(peer)
      return
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
    const member = this.#members.get(from)
    if (member === undefined) return
    if (member.followed === undefined) member.said = own
    else member.followed.follower.check(own)
    if (region === undefined) member.speakers.hearNothing(from)
    else this.#listenTo(from)?.follower.check(region)
  }

  /** Replies to a peer that compares its view with ours. */
  answer(ask: SyncAsk): Generator<SyncReply, void> {
    return answerSync(this.#sourceOf(ask.account), ask)
  }

  /** Notes that a node speaks for its region; the region if that is another one and the node is to be believed. */
  #listenTo(speaker: PeerId): Followed | undefined {
    const member = this.#members.get(speaker)
    if (member === undefined) return undefined
    const { region } = member.locality
    const isBelieved = member.speakers.hear(speaker, this.#deps.clock.monotonicMs())
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
    return this.#followed.follow(
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
      const locality = this.#members.get(holder)?.locality
      return locality === undefined ? unknown : locality.region === region
    }
    return this.#followed.follow(
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

  #unfollow<K>(followed: Map<K, Followed>, key: K): void {
    const gone = followed.get(key)
    if (gone === undefined) return
    followed.delete(key)
    this.#followed.drop(gone)
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
    const { followed, locality } = this.#members.get(peer) ?? {}
    return (followed ?? (locality && this.#regions.get(locality.region)))?.account
  }

  #anyNeighbour(except?: PeerId): PeerId | undefined {
    const neighbours = [...this.#nodes.keys()].filter((peer) => peer !== except)
    return neighbours[Math.floor(this.#deps.random() * neighbours.length)]
  }

  #isOwnRegion(region: string): boolean {
    return region === this.#deps.self.locality.region
  }

  #speakersOf(region: string): RegionSpeakers {
    const known = this.#speakers.get(region)
    if (known !== undefined) return known
    const speakers = new RegionSpeakers(region, SPEAKER_PATIENCE_MS)
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
      speakers.shouldSpeak(self.peer, this.isSpeaking, nowMs) && this.#hasSomethingToSay(nowMs)
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
}
