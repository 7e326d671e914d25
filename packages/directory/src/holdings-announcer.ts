import type { CancelTimer, Clock, Digest } from '@layermesh/interface'
import { MAX_DELTA_CHANGES, type HoldingsDelta, type HoldingsHeartbeat } from './holdings-messages.ts'
import type { HoldingsSnapshot } from './holdings-replica.ts'
import type { Holding } from './holdings-table.ts'

/** Collaborators and tunables of an announcer. */
export interface AnnouncerDeps {
  readonly clock: Clock
  readonly publish: (message: HoldingsDelta | HoldingsHeartbeat) => void
  /** A number that differs from that of any earlier start of this node. */
  readonly epoch: number
  /** For how long changes are gathered into one message, in milliseconds. */
  readonly batchDelayMs: number
  readonly heartbeatIntervalMs: number
}

/** This node's own holdings, and what it tells the others of them. */
export class HoldingsAnnouncer {
  readonly #deps: AnnouncerDeps
  readonly #own = new Map<Digest, number>()
  /** Changes that were not published yet: a size for what was added, undefined for what was removed. */
  readonly #changes = new Map<Digest, number | undefined>()
  #sequence = 0
  #started = false
  #cancelFlush: CancelTimer | undefined
  #cancelHeartbeat: CancelTimer | undefined

  constructor(deps: AnnouncerDeps) {
    this.#deps = deps
  }

  /** Publishes changes from now on; what was added before is only part of snapshots. */
  start(): void {
    this.#started = true
    this.#armHeartbeat()
  }

  /** Publishes nothing any more. Idempotent. */
  stop(): void {
    this.#started = false
    this.#cancelFlush?.()
    this.#cancelHeartbeat?.()
  }

  add(digest: Digest, sizeBytes: number): void {
    if (this.#own.get(digest) === sizeBytes) return
    this.#own.set(digest, sizeBytes)
    this.#change(digest, sizeBytes)
  }

  remove(digest: Digest): void {
    if (this.#own.delete(digest)) this.#change(digest, undefined)
  }

  /** What this node holds now. Changes that are still to be published are part of it; to apply them again does no harm. */
  snapshot(): HoldingsSnapshot {
    return { epoch: this.#deps.epoch, sequence: this.#sequence, holdings: new Map(this.#own) }
  }

  #change(digest: Digest, sizeBytes: number | undefined): void {
    if (!this.#started) return
    this.#changes.set(digest, sizeBytes)
    this.#cancelFlush ??= this.#deps.clock.setTimer(this.#deps.batchDelayMs, () => this.#flush())
  }

  #flush(): void {
    this.#cancelFlush?.()
    this.#cancelFlush = undefined
    const changes = [...this.#changes]
    this.#changes.clear()
    const { epoch, publish } = this.#deps
    for (let start = 0; start < changes.length; start += MAX_DELTA_CHANGES) {
      const batch = changes.slice(start, start + MAX_DELTA_CHANGES)
      const added = batch.filter((change): change is [Digest, number] => change[1] !== undefined)
      const removed = batch.filter(([, sizeBytes]) => sizeBytes === undefined).map(([digest]) => digest)
      this.#sequence += 1
      publish({ kind: 'delta', epoch, sequence: this.#sequence, added: added satisfies Holding[], removed })
    }
  }

  #armHeartbeat(): void {
    this.#cancelHeartbeat = this.#deps.clock.setTimer(this.#deps.heartbeatIntervalMs, () => {
      // The count is that after the last delta, so nothing may be waiting.
      this.#flush()
      const { epoch, publish } = this.#deps
      publish({ kind: 'heartbeat', epoch, sequence: this.#sequence, count: this.#own.size })
      this.#armHeartbeat()
    })
  }
}
