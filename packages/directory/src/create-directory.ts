import { randomInt } from 'node:crypto'
import {
  LayermeshError,
  type Clock,
  type Counter,
  type Digest,
  type Directory,
  type HoldingsSummary,
  type Log,
  type Metrics,
  type PeerId,
  type PeerNetwork,
  type Startable,
  type Unsubscribe,
} from '@layermesh/interface'
import { HoldingsAnnouncer } from './holdings-announcer.ts'
import { HoldingsFollower, type SyncAttempt } from './holdings-follower.ts'
import {
  decodeHoldingsMessage,
  encodeHoldingsMessage,
  HOLDINGS_TOPIC,
  type HoldingsDelta,
  type HoldingsHeartbeat,
  type HoldingsMessage,
} from './holdings-messages.ts'
import { HoldingsReplica } from './holdings-replica.ts'
import { HoldingsTable } from './holdings-table.ts'
import { retryDelayMs } from './retry-delay.ts'
import { fetchSnapshot, type SnapshotClientDeps } from './snapshot-client.ts'
import { SNAPSHOT_PROTOCOL } from './snapshot-frames.ts'
import { serveSnapshot, type SnapshotServerDeps } from './snapshot-server.ts'

/** For how long changes are gathered into one message. */
export const DEFAULT_BATCH_DELAY_MS = 50

/** How often a node says how far its deltas have come. */
export const DEFAULT_HEARTBEAT_INTERVAL_MS = 5000

/** For how long a missing delta is waited for before a snapshot is asked for. */
export const DEFAULT_GAP_PATIENCE_MS = 500

/** How long a peer may show no life during a snapshot. */
export const DEFAULT_SNAPSHOT_STALL_TIMEOUT_MS = 5000

/** Most holdings that are taken from one peer. */
export const DEFAULT_MAX_HOLDINGS_PER_PEER = 1_000_000

/** Collaborators of a directory. */
export interface DirectoryDeps {
  readonly network: PeerNetwork
  readonly clock: Clock
  readonly log: Log
  readonly metrics: Metrics
}

/** Tunables of a directory. */
export interface DirectoryInit {
  /** Milliseconds. @default {@link DEFAULT_BATCH_DELAY_MS} */
  readonly batchDelayMs?: number
  /** Milliseconds. @default {@link DEFAULT_HEARTBEAT_INTERVAL_MS} */
  readonly heartbeatIntervalMs?: number
  /** Milliseconds. @default {@link DEFAULT_GAP_PATIENCE_MS} */
  readonly gapPatienceMs?: number
  /** Milliseconds. @default {@link DEFAULT_SNAPSHOT_STALL_TIMEOUT_MS} */
  readonly snapshotStallTimeoutMs?: number
  /** A peer that claims more is not listened to. @default {@link DEFAULT_MAX_HOLDINGS_PER_PEER} */
  readonly maxHoldingsPerPeer?: number
}

/**
 * Creates a directory. Announce what is on disk already before `start`: it becomes part of the snapshots that others
 * ask for, and isn't gossiped.
 */
export function createDirectory(deps: DirectoryDeps, init: DirectoryInit = {}): Directory & Startable {
  return new GossipDirectory(deps, init)
}

class GossipDirectory implements Directory, Startable {
  readonly #network: PeerNetwork
  readonly #log: Log
  readonly #snapshots: Counter
  readonly #gapPatienceMs: number
  readonly #snapshotDeps: SnapshotClientDeps
  readonly #table = new HoldingsTable()
  readonly #announcer: HoldingsAnnouncer
  readonly #followers = new Map<PeerId, HoldingsFollower>()
  /** Peers whose version we have complained about, so that we do it once. */
  readonly #otherVersions = new Set<PeerId>()
  readonly #stopping = new AbortController()
  readonly #ending = new Set<Promise<void>>()
  #subscriptions: readonly Unsubscribe[] = []

  constructor({ network, clock, log, metrics }: DirectoryDeps, init: DirectoryInit) {
    this.#network = network
    this.#log = log.child({ component: 'directory' })
    this.#gapPatienceMs = init.gapPatienceMs ?? DEFAULT_GAP_PATIENCE_MS
    this.#snapshotDeps = {
      network,
      clock,
      stallTimeoutMs: init.snapshotStallTimeoutMs ?? DEFAULT_SNAPSHOT_STALL_TIMEOUT_MS,
      maxHoldings: init.maxHoldingsPerPeer ?? DEFAULT_MAX_HOLDINGS_PER_PEER,
    }
    this.#announcer = new HoldingsAnnouncer({
      clock,
      publish: (message) => void this.#publish(message),
      epoch: randomInt(2 ** 48 - 1),
      batchDelayMs: init.batchDelayMs ?? DEFAULT_BATCH_DELAY_MS,
      heartbeatIntervalMs: init.heartbeatIntervalMs ?? DEFAULT_HEARTBEAT_INTERVAL_MS,
    })
    this.#snapshots = metrics.counter({
      name: 'directory_snapshots_total',
      help: "Snapshots of peers' holdings that this node asked for, by outcome: many mean that gossip gets lost",
      labels: { outcome: ['completed', 'failed', 'aborted'] },
    })
    metrics.gauge(
      {
        name: 'directory_holdings',
        help: 'Blobs that peers hold, a blob counted once for each of its holders',
      },
      () => this.#table.pairs,
    )
  }

  async start(): Promise<void> {
    const { clock, stallTimeoutMs } = this.#snapshotDeps
    const snapshot = () => this.#announcer.snapshot()
    const serving: SnapshotServerDeps = { clock, snapshot, stallTimeoutMs, stopping: this.#stopping.signal }
    await this.#network.handle(SNAPSHOT_PROTOCOL, (stream) => serveSnapshot(serving, stream))
    this.#subscriptions = [
      this.#network.subscribe(HOLDINGS_TOPIC, (from, message) => this.#receive(from, message)),
      this.#network.onMembership({
        joined: ({ peer }) => this.#follow(peer),
        left: ({ peer }) => this.#unfollow(peer),
      }),
    ]
    for (const { peer } of this.#network.members()) this.#follow(peer)
    this.#announcer.start()
  }

  async stop(): Promise<void> {
    this.#stopping.abort(new Error('this node stops'))
    for (const unsubscribe of this.#subscriptions) unsubscribe()
    this.#announcer.stop()
    for (const peer of [...this.#followers.keys()]) this.#unfollow(peer)
    await Promise.all(this.#ending)
  }

  holders(digest: Digest): readonly PeerId[] {
    return this.#table.holders(digest)
  }

  announce(digest: Digest, sizeBytes: number): void {
    this.#announcer.add(digest, sizeBytes)
  }

  withdraw(digest: Digest): void {
    this.#announcer.remove(digest)
  }

  forget(peer: PeerId, digest: Digest): void {
    this.#followers.get(peer)?.forget(digest)
  }

  summaryOf(peer: PeerId): HoldingsSummary {
    return this.#table.summaryOf(peer)
  }

  async #publish(message: HoldingsDelta | HoldingsHeartbeat): Promise<void> {
    try {
      await this.#network.publish(HOLDINGS_TOPIC, encodeHoldingsMessage(message))
    } catch (error) {
      // The next heartbeat tells the others that they have missed something.
      this.#log.debug({ err: error }, 'holdings not published')
    }
  }

  #receive(from: PeerId, bytes: Uint8Array): void {
    const message = this.#decode(from, bytes)
    if (message === undefined) return
    if (message.kind !== 'unknown') {
      this.#followers.get(from)?.receive(message)
    } else if (!this.#otherVersions.has(from)) {
      this.#otherVersions.add(from)
      this.#log.warn({ peer: from, version: message.version }, 'holdings of an unknown version ignored')
    }
  }

  #decode(from: PeerId, bytes: Uint8Array): HoldingsMessage | undefined {
    try {
      return decodeHoldingsMessage(bytes)
    } catch (error) {
      this.#log.debug({ peer: from, err: error }, 'unreadable holdings ignored')
      return undefined
    }
  }

  #follow(peer: PeerId): void {
    if (this.#followers.has(peer)) return
    const { clock, maxHoldings } = this.#snapshotDeps
    const follower = new HoldingsFollower({
      replica: new HoldingsReplica({ peer, table: this.#table, maxHoldings }),
      clock,
      fetchSnapshot: (options) => fetchSnapshot(this.#snapshotDeps, peer, options),
      gapPatienceMs: this.#gapPatienceMs,
      onAttempt: (attempt) => this.#onAttempt(peer, attempt),
    })
    this.#followers.set(peer, follower)
  }

  #unfollow(peer: PeerId): void {
    const follower = this.#followers.get(peer)
    if (follower === undefined) return
    this.#followers.delete(peer)
    this.#otherVersions.delete(peer)
    const ending = follower.stop().finally(() => this.#ending.delete(ending))
    this.#ending.add(ending)
  }

  #onAttempt(peer: PeerId, { error, failures, aborted }: SyncAttempt): void {
    if (aborted) {
      this.#snapshots.add(1, { outcome: 'aborted' })
    } else if (error === undefined) {
      this.#snapshots.add(1, { outcome: 'completed' })
      this.#log.debug({ peer, ...this.#table.summaryOf(peer) }, 'holdings learned')
    } else {
      this.#snapshots.add(1, { outcome: 'failed' })
      const isPeersFault = error instanceof LayermeshError && error.blamesPeer
      const fields = { peer, failures, retryInMs: retryDelayMs(failures), err: error }
      this.#log[isPeersFault ? 'warn' : 'debug'](fields, 'holdings not learned')
    }
  }
}
