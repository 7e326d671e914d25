import type { CancelTimer, Clock, PeerId } from '@layermesh/interface'
import type { Claim, Holding } from './claim.ts'
import type { Fingerprint } from './fingerprint.ts'
import { MAX_DELTA_CHANGES, type HolderChanges, type HoldingsDelta } from './holdings-messages.ts'
import type { AccountState, HoldingsPosition } from './account-state.ts'

/**
 * Deltas that are published in each {@link WINDOW_MS}, at most; no author may speak faster without being cut off as one that floods
 * (`mesh_floods_total`). A node may speak for itself and for its region.
 */
export const MAX_DELTAS = 200

/** In milliseconds. */
export const WINDOW_MS = 10_000

/** Collaborators and tunables of an announcer. */
export interface AnnouncerDeps {
  readonly clock: Clock
  readonly publish: (message: HoldingsDelta) => void
  /** Of what is spoken of, kept up to date by whoever tells of changes. */
  readonly fingerprint: Fingerprint
  /** A number that differs from that of anybody who has spoken of the same before. */
  readonly epoch: number
  /** For how long changes are gathered into one message, in milliseconds. */
  readonly batchDelayMs: number
}

/** A change that is to be published; without a size it is a removal. */
interface Change {
  readonly peer: PeerId
  readonly hash: Uint8Array
  readonly sizeBytes: number | undefined
}

/**
 * Tells others what changes in an account, in batches. Of more changes than can be told one by one, such as when many nodes join or a
 * cache is emptied, the rest counts as published and lost: others see that they lack something, and compare.
 */
export class HoldingsAnnouncer {
  readonly #deps: AnnouncerDeps
  readonly #changes = new Map<string, Change>()
  #sequence = 0
  #windowEndMs = -Infinity
  #deltasInWindow = 0
  #started = false
  #cancelFlush: CancelTimer | undefined

  constructor(deps: AnnouncerDeps) {
    this.#deps = deps
  }

  /** How far it has come. What is still to be published may be part of what is held: to apply it again does no harm. */
  get position(): HoldingsPosition {
    return { epoch: this.#deps.epoch, sequence: this.#sequence }
  }

  /** Publishes changes from now on. */
  start(): void {
    this.#started = true
  }

  /** Publishes nothing any more. Idempotent. */
  stop(): void {
    this.#started = false
    this.#changes.clear()
    this.#cancelFlush?.()
  }

  added({ peer, hash, sizeBytes }: Claim): void {
    this.#change({ peer, hash, sizeBytes })
  }

  removed(peer: PeerId, hash: Uint8Array): void {
    this.#change({ peer, hash, sizeBytes: undefined })
  }

  /** What there is as a whole, after the last delta: what was still waiting is published first. */
  state(): AccountState {
    this.#flush()
    const { fingerprint } = this.#deps
    return { ...this.position, count: fingerprint.count, fingerprint: fingerprint.total() }
  }

  #change(change: Change): void {
    if (!this.#started) return
    this.#changes.set(`${change.peer} ${Buffer.from(change.hash).toString('latin1')}`, change)
    this.#cancelFlush ??= this.#deps.clock.setTimer(this.#deps.batchDelayMs, () => this.#flush())
  }

  #flush(): void {
    this.#cancelFlush?.()
    this.#cancelFlush = undefined
    const changes = [...this.#changes.values()]
    this.#changes.clear()
    const { epoch, publish } = this.#deps
    for (let start = 0; start < changes.length; start += MAX_DELTA_CHANGES) {
      this.#sequence += 1
      if (!this.#mayPublish()) continue
      const batch = byHolder(changes.slice(start, start + MAX_DELTA_CHANGES))
      publish({ kind: 'delta', epoch, sequence: this.#sequence, changes: batch })
    }
  }

  #mayPublish(): boolean {
    const nowMs = this.#deps.clock.monotonicMs()
    if (nowMs >= this.#windowEndMs) {
      this.#windowEndMs = nowMs + WINDOW_MS
      this.#deltasInWindow = 0
    }
    this.#deltasInWindow += 1
    return this.#deltasInWindow <= MAX_DELTAS
  }
}

function byHolder(changes: readonly Change[]): HolderChanges[] {
  return [...Map.groupBy(changes, ({ peer }) => peer)].map(([peer, ofPeer]) => ({
    peer,
    added: ofPeer.flatMap(({ hash, sizeBytes }): Holding[] =>
      sizeBytes === undefined ? [] : [[hash, sizeBytes]],
    ),
    removed: ofPeer.filter(({ sizeBytes }) => sizeBytes === undefined).map(({ hash }) => hash),
  }))
}
