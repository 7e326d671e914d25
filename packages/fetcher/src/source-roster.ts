import { leadChain } from '@layermesh/directory'
import {
  type BlobCorruptError,
  ContentUnavailableError,
  type Digest,
  type Directory,
  type LinkClass,
  LayermeshError,
  type Log,
  PeerBusyError,
  type PeerId,
  PeerMissingError,
  type PeerNetwork,
  type SourceScope,
  UpstreamDeniedError,
  UpstreamNotFoundError,
  UpstreamRateLimitedError,
} from '@layermesh/interface'

import type { PeerOffences } from './peer-offences.ts'
import { shuffled } from './shuffled.ts'
import { isWithin, planSources, type Source } from './source-plan.ts'

/** Collaborators of a roster. */
export interface SourceRosterDeps {
  readonly network: PeerNetwork
  readonly directory: Directory
  readonly offences: PeerOffences
  readonly log: Log
  /** A number in [0, 1); spreads the load over equally near holders. */
  readonly random: () => number
}

/** What is fetched, and the setting `sources`. */
export interface SourceRosterInit {
  readonly digest: Digest
  readonly sources: readonly SourceScope[]
  readonly leadScope?: LinkClass | undefined
}

/** Who gave bytes; who gave those that were here before isn't known. */
type Contributor = PeerId | 'upstream' | 'earlier fetch'

/**
 * The sources of one fetch: which is next, which have failed and why, and who is to blame for wrong bytes.
 * The plan is made anew at each step, so that who joins or announces in the meantime is asked too.
 */
export class SourceRoster {
  readonly #deps: SourceRosterDeps
  readonly #init: SourceRosterInit
  readonly #tried = new Set<string>()
  readonly #avoided = new Set<PeerId>()
  readonly #contributors = new Set<Contributor>()
  #current: Source | undefined
  #leadScope: LinkClass | undefined
  #distrustsPeers = false
  #upstreamAnswer: LayermeshError | undefined
  #lastError: unknown

  constructor(deps: SourceRosterDeps, init: SourceRosterInit) {
    this.#deps = deps
    this.#init = init
    this.#leadScope = init.leadScope
  }

  /** How many sources have been tried. */
  get attempts(): number {
    return this.#tried.size
  }

  /** The next source to try, undefined when all have failed. */
  next(): Source | undefined {
    const { directory, network, random } = this.#deps
    const members = network.members()
    const plan = planSources({
      sources: this.#init.sources,
      self: network.self.peer,
      members,
      holders: shuffled(directory.holders(this.#init.digest), random),
      leads: leadChain(this.#init.digest, { self: network.self, members }),
      leadScope: this.#leadScope,
    })
    this.#current = (this.#distrustsPeers ? plan.toSorted(upstreamFirst) : plan).find(
      (source) =>
        !this.#tried.has(keyOf(source)) && (source.kind === 'upstream' || !this.#avoided.has(source.peer)),
    )
    if (this.#current !== undefined) this.#tried.add(keyOf(this.#current))
    return this.#current
  }

  /**
   * Widens the fetch to one that is done as the lead of `scope`. Returns false when that can't be: a lead of that
   * scope or a nearer one is being waited for, and it could be waiting for us.
   */
  leadFor(scope: LinkClass): boolean {
    if (this.#current?.kind === 'lead' && isWithin(this.#current.scope, scope)) return false
    if (this.#leadScope === undefined || isWithin(this.#leadScope, scope)) this.#leadScope = scope
    return true
  }

  /** Remembers that `source` gave bytes. */
  contributed(source: Source): void {
    this.#contributors.add(source.kind === 'upstream' ? 'upstream' : source.peer)
  }

  /** Remembers that some bytes were here before. */
  resumed(): void {
    this.#contributors.add('earlier fetch')
  }

  /** Lets the current source be tried again: it was not its fault. */
  again(): void {
    if (this.#current !== undefined) this.#tried.delete(keyOf(this.#current))
  }

  /** Remembers why `source` failed. */
  failed(source: Source, error: unknown): void {
    const { directory, log } = this.#deps
    this.#lastError = error
    if (source.kind === 'upstream') {
      if (isFinalAnswer(error)) this.#upstreamAnswer = error
      log.debug({ digest: this.#init.digest, source: 'upstream', err: error }, 'source failed')
      return
    }
    log.debug(
      { digest: this.#init.digest, source: source.kind, peer: source.peer, err: error },
      'source failed',
    )
    if (error instanceof PeerMissingError) {
      if (source.kind === 'holder') directory.forget(source.peer, this.#init.digest)
    } else if (!(error instanceof PeerBusyError)) {
      this.#avoided.add(source.peer)
    }
    if (error instanceof LayermeshError && error.blamesPeer) this.#ban(source.peer, error)
  }

  /**
   * Remembers that the blob as a whole was wrong. A peer that gave all of it is banned; which of several gave the
   * wrong piece can't be known, so none of them is asked again. Upstream is asked next, so that no number of peers
   * that lie can keep the blob from us.
   */
  corrupted(error: BlobCorruptError): void {
    this.#lastError = error
    const peers = [...this.#contributors].filter(isPeer)
    const [peer] = peers
    if (this.#contributors.size > 1) this.#tried.delete(keyOf({ kind: 'upstream' }))
    else if (peer !== undefined) this.#ban(peer, error)
    for (const contributor of peers) this.#avoided.add(contributor)
    this.#contributors.clear()
    this.#distrustsPeers = true
  }

  /** Why no source is left: what upstream answered, if it did, else that the content is unavailable. */
  verdict(): LayermeshError {
    return (
      this.#upstreamAnswer ??
      new ContentUnavailableError(`no source has ${this.#init.digest}`, { cause: this.#lastError })
    )
  }

  #ban(peer: PeerId, error: LayermeshError): void {
    const durationMs = this.#deps.offences.record(peer)
    this.#deps.log.warn({ peer, digest: this.#init.digest, durationMs, err: error }, 'peer banned')
    this.#deps.network.ban(peer, durationMs)
  }
}

function isPeer(contributor: Contributor): contributor is PeerId {
  return contributor !== 'upstream' && contributor !== 'earlier fetch'
}

function upstreamFirst(a: Source, b: Source): number {
  return Number(b.kind === 'upstream') - Number(a.kind === 'upstream')
}

function keyOf(source: Source): string {
  return source.kind === 'upstream' ? source.kind : `${source.kind} ${source.peer}`
}

/** Answers of upstream that a client is to hear as they are. */
function isFinalAnswer(error: unknown): error is LayermeshError {
  return (
    error instanceof UpstreamNotFoundError ||
    error instanceof UpstreamDeniedError ||
    error instanceof UpstreamRateLimitedError
  )
}
