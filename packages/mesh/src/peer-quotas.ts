import type { Clock, Counter, Log, Metrics, PeerId } from '@layermesh/interface'
import { TokenBucket, type BucketInit } from './token-bucket.ts'

const MiB = 1024 * 1024

/** What a peer may do: far more than a node that works as it should ever does. */
const DEFAULT_LIMITS = {
  /** Streams that it opens. */
  streams: { perSecond: 200, burst: 2_000 },
  /** Heartbeats that it sends. */
  heartbeats: { perSecond: 5, burst: 100 },
  /** Messages that it gossips as their author, whoever brings them. */
  messages: { perSecond: 100, burst: 1_000 },
  /** Bytes of gossip, its own and others', that it sends to this node. */
  gossip: { perSecond: 16 * MiB, burst: 128 * MiB },
} satisfies Record<string, BucketInit>

/** What is limited; label of the metric `mesh_floods_total`. */
type PeerLimit = keyof typeof DEFAULT_LIMITS

/** Limits that are not the usual ones. */
export type PeerLimits = Partial<Record<PeerLimit, BucketInit>>

const LIMIT_NAMES = Object.keys(DEFAULT_LIMITS) as PeerLimit[]

/** For how long a peer is cut off that goes beyond a limit, in milliseconds. */
export const FLOOD_BAN_MS = 60_000

/** Collaborators of {@link PeerQuotas}. */
export interface PeerQuotasDeps {
  readonly clock: Clock
  readonly log: Log
  readonly metrics: Metrics
  /** Cuts a peer off. */
  readonly ban: (peer: PeerId, durationMs: number) => void
}

/** Counts what each peer makes this node do, and cuts off who overdoes it, before the others are harmed. */
export class PeerQuotas {
  readonly #deps: PeerQuotasDeps
  readonly #limits: Record<PeerLimit, BucketInit>
  readonly #floods: Counter
  readonly #buckets = new Map<PeerId, Record<PeerLimit, TokenBucket>>()

  constructor(deps: PeerQuotasDeps, limits: PeerLimits = {}) {
    this.#deps = deps
    this.#limits = { ...DEFAULT_LIMITS, ...limits }
    this.#floods = deps.metrics.counter({
      name: 'mesh_floods_total',
      help: 'Peers that were cut off for a minute because they went beyond a limit, by what they overdid.',
      labels: { limit: LIMIT_NAMES },
    })
  }

  /**
   * Takes from what `peer` may do and returns whether it may. Who may not is cut off, unless it came `via` another peer: that one may
   * have kept back what it has, or repeat it.
   */
  take(peer: PeerId, limit: PeerLimit, amount = 1, via = peer): boolean {
    if (this.#bucketsOf(peer)[limit].take(amount, this.#deps.clock.monotonicMs())) return true
    if (via !== peer) return false
    this.#deps.log.warn({ peer, limit, ...this.#limits[limit] }, 'peer flooded')
    this.#floods.add(1, { limit })
    // When it comes back it begins anew.
    this.#buckets.delete(peer)
    this.#deps.ban(peer, FLOOD_BAN_MS)
    return false
  }

  /** A peer has left: what it has done no longer counts. */
  forget(peer: PeerId): void {
    this.#buckets.delete(peer)
  }

  #bucketsOf(peer: PeerId): Record<PeerLimit, TokenBucket> {
    const known = this.#buckets.get(peer)
    if (known !== undefined) return known
    const nowMs = this.#deps.clock.monotonicMs()
    const made = Object.fromEntries(
      LIMIT_NAMES.map((name) => [name, new TokenBucket(this.#limits[name], nowMs)]),
    ) as Record<PeerLimit, TokenBucket>
    this.#buckets.set(peer, made)
    return made
  }
}
