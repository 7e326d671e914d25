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
import { digestToBytes } from './digest-bytes.ts'
import { DirectoryCore } from './directory-core.ts'
import { decodeHoldingsBeat, encodeHoldingsBeat } from './holdings-beat.ts'
import type { SyncAttempt } from './holdings-follower.ts'
import {
  CLUSTER_TOPIC,
  decodeHoldingsMessage,
  encodeHoldingsMessage,
  regionTopic,
  type HoldingsDelta,
} from './holdings-messages.ts'
import { retryDelayMs } from './retry-delay.ts'
import { requestSync } from './sync-client.ts'
import type { AccountName } from './sync-conversation.ts'
import { SYNC_PROTOCOL } from './sync-frames.ts'
import { serveSync } from './sync-server.ts'

/** For how long changes are gathered into one message. */
export const DEFAULT_BATCH_DELAY_MS = 50

/** For how long a missing delta is waited for before views are compared. */
export const DEFAULT_GAP_PATIENCE_MS = 500

/** How long a peer may show no life while views are compared. */
export const DEFAULT_SYNC_STALL_TIMEOUT_MS = 5000

/** Most holdings that are taken from one peer. */
export const DEFAULT_MAX_HOLDINGS_PER_PEER = 1_000_000

const RANDOM_STEPS = 2 ** 47

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
  /** Milliseconds. @default {@link DEFAULT_GAP_PATIENCE_MS} */
  readonly gapPatienceMs?: number
  /** Milliseconds. @default {@link DEFAULT_SYNC_STALL_TIMEOUT_MS} */
  readonly syncStallTimeoutMs?: number
  /** A peer that claims more is not listened to. @default {@link DEFAULT_MAX_HOLDINGS_PER_PEER} */
  readonly maxHoldingsPerPeer?: number
}

/**
 * Creates a directory. Announce what is on disk already before `start`: others learn of it when they compare their view
 * with ours, and it isn't gossiped.
 */
export function createDirectory(deps: DirectoryDeps, init: DirectoryInit = {}): Directory & Startable {
  return new GossipDirectory(deps, init)
}

/** A {@link DirectoryCore} on a network. */
class GossipDirectory implements Directory, Startable {
  readonly #network: PeerNetwork
  readonly #clock: Clock
  readonly #log: Log
  readonly #syncs: Counter
  readonly #stallTimeoutMs: number
  readonly #core: DirectoryCore
  /** Peers whose version we have complained about, so that we do it once. */
  readonly #otherVersions = new Set<PeerId>()
  readonly #stopping = new AbortController()
  #subscriptions: readonly Unsubscribe[] = []

  constructor({ network, clock, log, metrics }: DirectoryDeps, init: DirectoryInit) {
    this.#network = network
    this.#clock = clock
    this.#log = log.child({ component: 'directory' })
    this.#stallTimeoutMs = init.syncStallTimeoutMs ?? DEFAULT_SYNC_STALL_TIMEOUT_MS
    this.#core = new DirectoryCore(
      {
        self: network.self,
        clock,
        random: () => randomInt(RANDOM_STEPS) / RANDOM_STEPS,
        publish: (topic, message) => void this.#publish(topic, message),
        requestSync: (peer, ask, options) =>
          requestSync({ network, clock, stallTimeoutMs: this.#stallTimeoutMs }, peer, ask, options),
        beatNow: () => this.#beat(),
        onAttempt: (account, attempt) => this.#onAttempt(account, attempt),
      },
      {
        batchDelayMs: init.batchDelayMs ?? DEFAULT_BATCH_DELAY_MS,
        gapPatienceMs: init.gapPatienceMs ?? DEFAULT_GAP_PATIENCE_MS,
        maxHoldingsPerPeer: init.maxHoldingsPerPeer ?? DEFAULT_MAX_HOLDINGS_PER_PEER,
      },
    )
    this.#syncs = metrics.counter({
      name: 'directory_syncs_total',
      help: 'Comparisons of views that this node asked peers for, by outcome: many mean that gossip gets lost',
      labels: { outcome: ['completed', 'failed', 'aborted'] },
    })
    metrics.gauge(
      {
        name: 'directory_holdings',
        help: 'Blobs that peers hold, a blob counted once for each holder that is known',
      },
      () => this.#core.pairs,
    )
    metrics.gauge(
      {
        name: 'directory_speaking',
        help: 'Whether this node tells other regions what its region holds: 1 for one node of each region',
      },
      () => Number(this.#core.isSpeaking),
    )
  }

  async start(): Promise<void> {
    const core = this.#core
    const serving = {
      clock: this.#clock,
      answer: core.answer.bind(core),
      stallTimeoutMs: this.#stallTimeoutMs,
      stopping: this.#stopping.signal,
    }
    await this.#network.handle(SYNC_PROTOCOL, (stream) => serveSync(serving, stream))
    const topics = [regionTopic(this.#network.self.locality.region), CLUSTER_TOPIC]
    this.#subscriptions = [
      ...topics.map((topic) =>
        this.#network.subscribe(topic, (from, bytes) => this.#receive(topic, from, bytes)),
      ),
      this.#network.onMembership({
        joined: (member) => core.joined(member),
        left: ({ peer }) => {
          this.#otherVersions.delete(peer)
          core.left(peer)
        },
        fingerprint: ({ peer }, bytes) => this.#receiveBeat(peer, bytes),
      }),
    ]
    for (const member of this.#network.members()) core.joined(member)
    core.start()
    this.#beat()
  }

  async stop(): Promise<void> {
    this.#stopping.abort(new Error('this node stops'))
    for (const unsubscribe of this.#subscriptions) unsubscribe()
    await this.#core.stop()
  }

  holders(digest: Digest): readonly PeerId[] {
    return this.#core.holders(digestToBytes(digest))
  }

  get isLearning(): boolean {
    return this.#core.isLearning
  }

  announce(digest: Digest, sizeBytes: number): void {
    this.#core.announce(digestToBytes(digest), sizeBytes)
  }

  withdraw(digest: Digest): void {
    this.#core.withdraw(digestToBytes(digest))
  }

  forget(peer: PeerId, digest: Digest): void {
    this.#core.forget(peer, digestToBytes(digest))
  }

  summaryOf(peer: PeerId): HoldingsSummary {
    return this.#core.summaryOf(peer)
  }

  /** Sends a heartbeat now, and has later ones carry what they should. */
  #beat(): void {
    this.#network.setFingerprint(() => encodeHoldingsBeat(this.#core.beat()))
  }

  async #publish(topic: string, message: HoldingsDelta): Promise<void> {
    try {
      await this.#network.publish(topic, encodeHoldingsMessage(message))
    } catch (error) {
      // The next heartbeat tells the others that they have missed something.
      this.#log.debug({ err: error }, 'holdings not published')
    }
  }

  #receive(topic: string, from: PeerId, bytes: Uint8Array): void {
    const message = this.#read(from, () => decodeHoldingsMessage(bytes))
    if (message?.kind === 'delta') this.#core.receive(topic, from, message)
    else if (message !== undefined) this.#complain(from, message.version)
  }

  #receiveBeat(from: PeerId, bytes: Uint8Array): void {
    const beat = this.#read(from, () => decodeHoldingsBeat(bytes))
    if (beat !== undefined) this.#core.receiveBeat(from, beat)
  }

  #read<T>(from: PeerId, decode: () => T): T | undefined {
    try {
      return decode()
    } catch (error) {
      this.#log.debug({ peer: from, err: error }, 'unreadable holdings ignored')
      return undefined
    }
  }

  #complain(peer: PeerId, version: number): void {
    if (this.#otherVersions.has(peer)) return
    this.#otherVersions.add(peer)
    this.#log.warn({ peer, version }, 'holdings of an unknown version ignored')
  }

  #onAttempt(account: AccountName, { error, failures, aborted }: SyncAttempt): void {
    const whose = account.kind === 'node' ? { peer: account.peer } : { region: account.region }
    if (aborted) {
      this.#syncs.add(1, { outcome: 'aborted' })
    } else if (error === undefined) {
      this.#syncs.add(1, { outcome: 'completed' })
      this.#log.debug(whose, 'holdings learned')
    } else {
      this.#syncs.add(1, { outcome: 'failed' })
      const isPeersFault = error instanceof LayermeshError && error.blamesPeer
      const fields = { ...whose, failures, retryInMs: retryDelayMs(failures), err: error }
      this.#log[isPeersFault ? 'warn' : 'debug'](fields, 'holdings not learned')
    }
  }
}
