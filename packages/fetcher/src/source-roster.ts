import { leadChain, RendezvousOrder } from '@layermesh/directory'
import { MAX_REFUSED_BY } from '@layermesh/exchange'
import {
  type BlobCorruptError,
  type Clock,
  type ContentRef,
  ContentUnavailableError,
  type Directory,
  type LinkClass,
  LayermeshError,
  type Log,
  type PeerId,
  type PeerNetwork,
  PeerSlowError,
  PeerStalledError,
  PeerStreamError,
  PeerUnreachableError,
  type SourceScope,
  UpstreamDeniedError,
  UpstreamRateLimitedError,
} from '@layermesh/interface'

import { leadRetryDelayMs, type LeadTrouble } from './lead-patience.ts'
import type { PeerOffences } from './peer-offences.ts'
import { shuffled } from './shuffled.ts'
import { judgeFailure } from './source-failure.ts'
import { type Lead, planSources, type Source } from './source-plan.ts'
import type { SlowPeers } from './slow-peers.ts'
import type { UpstreamPauses } from './upstream-pauses.ts'

/** Collaborators of a roster. */
export interface SourceRosterDeps {
  readonly network: Pick<PeerNetwork, 'authenticated' | 'self' | 'members' | 'ban' | 'isCutOff'>
  readonly directory: Pick<Directory, 'holders' | 'forget' | 'isLearning'>
  readonly offences: PeerOffences
  readonly pauses: UpstreamPauses
  readonly slowPeers: SlowPeers
  readonly clock: Clock
  readonly log: Log
  /** A number in [0, 1); spreads the load over equally near holders. */
  readonly random: () => number
}

/** What is fetched, and the setting `sources`. */
export interface SourceRosterInit {
  readonly ref: ContentRef
  readonly sources: readonly SourceScope[]
}

/** Nothing is to be asked for a while: a lead that comes before all that is left is to be asked again then. */
export interface Rest {
  readonly kind: 'rest'
  readonly delayMs: number
}

/** Members are missing: they are to be looked for before upstream is asked, or those who are left. */
export interface Search {
  readonly kind: 'search'
}

/** Who gave bytes; who gave those that were here before isn't known. */
type Contributor = PeerId | 'upstream' | 'earlier fetch'

/** How long it is waited at a time to hear what new members hold, in milliseconds. */
const LEARNING_DELAY_MS = 50

/** How many leads at one distance may say that they can't get the blob before this node goes further out by itself. */
const MAX_REFUSALS_PER_LINK = 3

/** Somebody who has some of the blob. */
type Candidate = Extract<Source, { kind: 'holder' | 'follower' }>

/** How often all sources are gone through again because some that are still there have failed us for the moment. */
const MAX_ROUNDS = 3

/** How long the first of these rounds is waited for, in milliseconds. */
const ROUND_DELAY_MS = 250

/** The turn before the first. */
const EARLIER = 0

interface Trouble {
  readonly times: number
  readonly untilMs: number
}

/**
 * The sources of one fetch: which is next, which have failed and why, and who is to blame for wrong bytes.
 * The plan is made anew at each step, so that who joins or announces in the meantime is asked too.
 */
export class SourceRoster {
  readonly #deps: SourceRosterDeps
  readonly #init: SourceRosterInit
  readonly #order: RendezvousOrder
  readonly #tried = new Set<string>()
  readonly #avoided = new Set<PeerId>()
  /** Those of them that have only been slow, or out of reach, and may be well again. */
  readonly #weak = new Set<PeerId>()
  /** Who gave bytes, by the turn in which it was asked: what a peer gave in two turns may be of two fetches of its own. */
  readonly #contributors = new Map<number, Contributor>()
  /** Leads that have failed and are to be asked again. */
  readonly #troubles = new Map<string, Trouble>()
  /** Leads that stood still and have not been heard of since, and those that are back. */
  readonly #silent = new Map<PeerId, Lead>()
  readonly #back = new Set<PeerId>()
  readonly #refusedBy = new Set<PeerId>()
  readonly #refusals: Record<LinkClass, number> = { site: 0, region: 0, world: 0 }
  /** How many pieces those have that wait for this node. */
  readonly #offers = new Map<PeerId, number>()
  #current: Source | undefined
  #distrustsPeers = false
  #rounds = 0
  #attempts = 0
  /** Whether a lead was given up that may be fetching the blob. */
  #passedOver = false
  /** What upstream has answered, to this node or to a lead, that holds for all. */
  #answer: LayermeshError | undefined
  /** What upstream has answered to this node alone. */
  #denial: LayermeshError | undefined
  #lastError: unknown
  #upstreamError: unknown

  constructor(deps: SourceRosterDeps, init: SourceRosterInit) {
    this.#deps = deps
    this.#init = init
    this.#order = new RendezvousOrder(init.ref.digest)
  }

  /** How many sources have been tried. */
  get attempts(): number {
    return this.#attempts
  }

  /** Leads that have said that they can't get the blob: there is no use in others asking them. */
  get refusedBy(): readonly PeerId[] {
    return [...this.#refusedBy].slice(0, MAX_REFUSED_BY)
  }

  /** The next source to try when the first `heldPieces` are here; undefined when all have failed. */
  next(heldPieces: number): Source | Rest | Search | undefined {
    const nowMs = this.#deps.clock.monotonicMs()
    let restMs: number | undefined
    let restsIn: LinkClass | undefined
    this.#current = undefined
    for (const source of this.#plan(heldPieces)) {
      if (this.#isOut(source)) continue
      const trouble = this.#troubles.get(keyOf(source))
      if (source.kind === 'lead' && trouble !== undefined && trouble.untilMs > nowMs) {
        restMs = Math.min(restMs ?? Infinity, trouble.untilMs - nowMs)
        restsIn = source.scope
        continue
      }
      // Those of the same scope may be asked meanwhile; going further could cost what the lead is getting already.
      if (restMs !== undefined && scopeOf(source) !== restsIn) break
      if (source.kind === 'upstream' && this.#asksPeersFirst()) {
        // What others have isn't to be fetched once more because this node doesn't see them at the moment.
        if (this.#deps.network.isCutOff) return { kind: 'search' }
        if (this.#deps.directory.isLearning) return { kind: 'rest', delayMs: LEARNING_DELAY_MS }
      }
      this.#tried.add(keyOf(source))
      this.#attempts += 1
      if (source.kind === 'lead') this.#back.delete(source.peer)
      if (source.kind === 'follower') this.#offers.delete(source.peer)
      this.#current = source
      return source
    }
    if (restMs === undefined) return this.#startRound()
    return { kind: 'rest', delayMs: restMs }
  }

  /** Whether there is another peer than the current one to ask, without going further out. */
  hasOther(heldPieces: number): boolean {
    const current = this.#current
    if (current === undefined || current.kind === 'upstream') return false
    const { sources } = this.#init
    const here = sources.indexOf(scopeOf(current))
    for (const source of this.#plan(heldPieces)) {
      if (source.kind === 'upstream' || sources.indexOf(scopeOf(source)) > here) return false
      if (source.peer !== current.peer && !this.#isOut(source)) return true
    }
    return false
  }

  /** Leads that come before the current source, stood still, and are still members. */
  get missed(): readonly Lead[] {
    const alive = new Set(this.#deps.network.members().map(({ peer }) => peer))
    const { sources } = this.#init
    const here = this.#current === undefined ? 0 : sources.indexOf(scopeOf(this.#current))
    return [...this.#silent.values()].filter(
      ({ peer, scope }) => alive.has(peer) && sources.indexOf(scope) < here,
    )
  }

  /** A lead that stood still gives the blob after all. */
  back({ peer, ...lead }: Lead): void {
    this.#silent.delete(peer)
    this.#avoided.delete(peer)
    this.#weak.delete(peer)
    this.#tried.delete(keyOf({ ...lead, peer }))
    this.#back.add(peer)
  }

  /** Whether somebody nearer than the current source has what comes after the first `heldPieces`, or may have: members are to be looked for. */
  hasNearer(heldPieces: number): boolean {
    const current = this.#current
    if (current === undefined || this.#distrustsPeers) return false
    const { sources } = this.#init
    if (this.#back.size > 0 && this.#plan(heldPieces).some((source) => this.#isBack(source))) return true
    if (current.kind === 'upstream' && this.#asksPeersFirst() && this.#deps.network.isCutOff) return true
    const here = sources.indexOf(current.kind === 'upstream' ? 'upstream' : current.link)
    const nearer = sources.slice(0, Math.max(0, here))
    if (nearer.length === 0) return false
    return this.#candidates(heldPieces).some((source) => nearer.includes(source.link) && !this.#isOut(source))
  }

  /** Whether bytes from upstream are some that others have, or may be getting: that is what should not happen. */
  duplicates(): boolean {
    if (this.#passedOver) return true
    const { sources } = this.#init
    const nearer = sources.slice(0, sources.indexOf('upstream'))
    return this.#candidates(Infinity).some(({ link }) => nearer.includes(link))
  }

  /** Remembers that `peer`, which waits for this node, has so many pieces. */
  offered(peer: PeerId, pieces: number): void {
    this.#offers.set(peer, pieces)
  }

  /** Remembers what another node has heard from leads. */
  refusedElsewhere(leads: readonly PeerId[]): void {
    for (const peer of leads) this.#refusedBy.add(peer)
  }

  /** Remembers that `source` gave bytes. */
  contributed(source: Source): void {
    this.#contributors.set(this.#attempts, source.kind === 'upstream' ? 'upstream' : source.peer)
  }

  /** Remembers that some bytes were here before. */
  resumed(): void {
    this.#contributors.set(EARLIER, 'earlier fetch')
  }

  /** Lets the current source be tried again: it was not its fault. */
  again(): void {
    if (this.#current !== undefined) this.#tried.delete(keyOf(this.#current))
  }

  /** Remembers why `source` failed. */
  failed(source: Source, error: unknown): void {
    const { directory, log, network, pauses } = this.#deps
    const { digest } = this.#init.ref
    this.#lastError = error
    log.debug(
      {
        digest,
        source: source.kind,
        ...(source.kind !== 'upstream' && { peer: source.peer }),
        err: error,
      },
      'source failed',
    )
    const isBelieved = source.kind === 'upstream' || network.authenticated
    if (isBelieved && error instanceof UpstreamRateLimitedError)
      pauses.note(this.#init.ref, error.retryAfterMs)
    if (source.kind === 'upstream') {
      this.#upstreamError = error
      if (error instanceof UpstreamDeniedError) this.#denial = error
    }
    const failure = judgeFailure(source, error, isBelieved)
    switch (failure) {
      case 'spoken':
        this.#answer = error as LayermeshError
        return
      case 'busy':
      case 'lost':
        this.#askAgain(source, failure)
        return
      case 'missing':
        if (source.kind === 'holder') directory.forget(source.peer, digest)
        return
      case 'refused':
        if (source.kind !== 'lead') return
        this.#refusals[source.link] += 1
        this.#refusedBy.add(source.peer)
        return
      case 'failed':
        if (source.kind === 'upstream') return
        this.#avoid(source.peer, error)
        if (source.kind === 'lead' && error instanceof PeerStalledError) this.#silent.set(source.peer, source)
        if (error instanceof LayermeshError && error.blamesPeer) this.#ban(source.peer, error)
    }
  }

  /**
   * Remembers that the blob as a whole was wrong. A peer that gave all of it at once is banned; which of several gave the
   * wrong piece can't be known, so none of them is asked again. Nor can one be blamed that was asked twice: it may have
   * passed on what it found out to be wrong, and have started over in between. Upstream is asked next, so that no number
   * of peers that lie can keep the blob from us.
   */
  corrupted(error: BlobCorruptError): void {
    this.#lastError = error
    const peers = [...this.#contributors.values()].filter(isPeer)
    const [peer] = peers
    if (this.#contributors.size > 1) this.#tried.delete(keyOf({ kind: 'upstream' }))
    else if (peer !== undefined) this.#ban(peer, error)
    for (const contributor of peers) {
      this.#avoided.add(contributor)
      this.#weak.delete(contributor)
      this.#silent.delete(contributor)
    }
    this.#contributors.clear()
    this.#distrustsPeers = true
  }

  /** Why no source is left: what upstream answered, if it did, else that the content is unavailable. */
  verdict(): LayermeshError {
    const cause = this.#upstreamError ?? this.#lastError
    return (
      this.#answer ??
      this.#denial ??
      new ContentUnavailableError(`no source has ${this.#init.ref.digest}`, { cause })
    )
  }

  #plan(heldPieces: number): readonly Source[] {
    const { directory, network, random, slowPeers } = this.#deps
    const { digest } = this.#init.ref
    const members = network.members()
    const suspects = new Set(members.flatMap(({ peer, state }) => (state === 'suspect' ? [peer] : [])))
    const holders = slowPeers.last(shuffled(directory.holders(digest), random))
    const plan = planSources({
      sources: this.#init.sources,
      self: network.self.peer,
      members,
      holders: holders.toSorted((a, b) => Number(suspects.has(a)) - Number(suspects.has(b))),
      followers: this.#followers(heldPieces),
      leads: leadChain(this.#order, { self: network.self, members }),
    })
    return this.#distrustsPeers ? plan.toSorted(upstreamFirst) : plan
  }

  /** Whether peers are to be asked before upstream. */
  #asksPeersFirst(): boolean {
    return this.#init.sources[0] !== 'upstream' && !this.#distrustsPeers
  }

  #isBack(source: Source): boolean {
    return source.kind === 'lead' && this.#back.has(source.peer) && !this.#isOut(source)
  }

  /** Those that wait for this node and have pieces that it lacks, those with the most first. */
  #followers(heldPieces: number): PeerId[] {
    const useful = [...this.#offers].filter(([, pieces]) => pieces > heldPieces)
    return useful.sort(([, a], [, b]) => b - a).map(([peer]) => peer)
  }

  /** Members that have some of what is missing, whatever the leads do. */
  #candidates(heldPieces: number): Candidate[] {
    const { directory, network } = this.#deps
    const holders = directory.holders(this.#init.ref.digest)
    const followers = this.#followers(heldPieces)
    if (holders.length === 0 && followers.length === 0) return []
    return network.members().flatMap(({ peer, link }): Candidate[] => {
      if (holders.includes(peer)) return [{ kind: 'holder', peer, link }]
      return followers.includes(peer) ? [{ kind: 'follower', peer, link }] : []
    })
  }

  /** Whether a source is not to be asked any more, or not now. */
  #isOut(source: Source): boolean {
    if (source.kind === 'upstream') return this.#tried.has(keyOf(source)) || this.#isHeldOff()
    if (this.#avoided.has(source.peer)) return true
    if (source.kind === 'follower') return false
    if (this.#tried.has(keyOf(source))) return true
    if (source.kind !== 'lead') return false
    return (
      this.#answer !== undefined ||
      this.#refusedBy.has(source.peer) ||
      this.#refusals[source.link] >= MAX_REFUSALS_PER_LINK
    )
  }

  /** Whether upstream has answered already, or wants no requests now, which is an answer, too. */
  #isHeldOff(): boolean {
    const leftMs = this.#deps.pauses.leftMs(this.#init.ref)
    if (leftMs !== undefined) {
      this.#answer ??= new UpstreamRateLimitedError(
        'upstream has said 429, and wants no requests yet',
        leftMs,
      )
    }
    return this.#answer !== undefined
  }

  #askAgain(source: Source, kind: LeadTrouble['kind']): void {
    const key = keyOf(source)
    const times = this.#troubles.get(key)?.times ?? 0
    const delayMs = leadRetryDelayMs({ kind, times, random: this.#deps.random() })
    if (delayMs === undefined) {
      if (kind === 'busy') this.#passedOver = true
      return
    }
    this.#tried.delete(key)
    this.#troubles.set(key, { times: times + 1, untilMs: this.#deps.clock.monotonicMs() + delayMs })
  }

  #avoid(peer: PeerId, error: unknown): void {
    this.#avoided.add(peer)
    if (error instanceof PeerSlowError || error instanceof PeerStalledError) this.#deps.slowPeers.note(peer)
    else if (!(error instanceof PeerStreamError || error instanceof PeerUnreachableError)) return
    this.#weak.add(peer)
  }

  /**
   * Nobody is left. Peers that stood still, or were slow, and are members still may only have been busy: they are asked again, and upstream
   * after them, before the fetch is given up.
   */
  #startRound(): Rest | undefined {
    const { network } = this.#deps
    const alive = network.members().filter(({ peer }) => this.#weak.has(peer))
    if (alive.length === 0 || this.#answer !== undefined || this.#rounds === MAX_ROUNDS) return undefined
    this.#rounds += 1
    for (const { peer } of alive) this.#avoided.delete(peer)
    this.#weak.clear()
    this.#tried.clear()
    this.#troubles.clear()
    return { kind: 'rest', delayMs: ROUND_DELAY_MS * 2 ** (this.#rounds - 1) }
  }

  #ban(peer: PeerId, error: LayermeshError): void {
    const { digest } = this.#init.ref
    const durationMs = this.#deps.offences.record(peer)
    this.#deps.log.warn({ peer, digest, durationMs, err: error }, 'peer banned')
    this.#deps.network.ban(peer, durationMs)
  }
}

function isPeer(contributor: Contributor): contributor is PeerId {
  return contributor !== 'upstream' && contributor !== 'earlier fetch'
}

function scopeOf(source: Source): SourceScope {
  if (source.kind === 'upstream') return 'upstream'
  return source.kind === 'lead' ? source.scope : source.link
}

function upstreamFirst(a: Source, b: Source): number {
  return Number(b.kind === 'upstream') - Number(a.kind === 'upstream')
}

function keyOf(source: Source): string {
  return source.kind === 'upstream' ? source.kind : `${source.kind} ${source.peer}`
}
