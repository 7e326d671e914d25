import {
  LINK_CLASSES,
  PeerStreamError,
  type Clock,
  type Counter,
  type LinkClass,
  type Log,
  type Member,
  type Metrics,
  type PeerId,
  type PeerNetwork,
  type PeerStream,
  type TagRecord,
} from '@layermesh/interface'
import { askTag } from './ask-tag.ts'
import { BLOB_PROTOCOL } from './blob-frames.ts'
import type { ContentProvider } from './content-provider.ts'
import type { AskingDeps } from './conversation.ts'
import type { Exchange, ExchangeOptions, Transfer } from './exchange.ts'
import type { TransferRequest } from './transfer-request.ts'
import { openTransfer } from './open-transfer.ts'
import { serveTag } from './serve-tag.ts'
import {
  refuseAsBusy,
  serveTransfer,
  TRANSFER_OUTCOMES,
  type ServedTransfer,
  type ServingDeps,
} from './serve-transfer.ts'
import { TAG_PROTOCOL, type TagRequest } from './tag-frames.ts'

/** How many transfers a node serves at a time. */
export const DEFAULT_MAX_TRANSFERS = 64

/** How often a peer that waits for this node hears that it is still at it. */
export const DEFAULT_WAIT_INTERVAL_MS = 200

/** How long a peer may show no life before it counts as stalled, by the link to it. */
export const DEFAULT_STALL_TIMEOUT_MS: Readonly<Record<LinkClass, number>> = {
  site: 500,
  region: 2000,
  world: 2000,
}

/** How long a peer may hold a transfer without asking for anything. */
export const DEFAULT_IDLE_TIMEOUT_MS = 30_000

/** Collaborators of an exchange. */
export interface ExchangeDeps {
  readonly network: PeerNetwork
  readonly clock: Clock
  readonly log: Log
  readonly metrics: Metrics
}

/** Tunables of an exchange. */
export interface ExchangeInit {
  /** Transfers that are served at a time; further ones are refused as busy at once. @default {@link DEFAULT_MAX_TRANSFERS} */
  readonly maxTransfers?: number
  /** Milliseconds; well below the shortest `stallTimeoutMs` of any node. @default {@link DEFAULT_WAIT_INTERVAL_MS} */
  readonly waitIntervalMs?: number
  /** Milliseconds. @default {@link DEFAULT_STALL_TIMEOUT_MS} */
  readonly stallTimeoutMs?: Readonly<Record<LinkClass, number>>
  /** Milliseconds. @default {@link DEFAULT_IDLE_TIMEOUT_MS} */
  readonly idleTimeoutMs?: number
}

/** Creates an exchange; it asks from now on, and serves from `serve` to `stop`. */
export function createExchange(deps: ExchangeDeps, init: ExchangeInit = {}): Exchange {
  return new PeerExchange(deps, init)
}

class PeerExchange implements Exchange {
  readonly #network: PeerNetwork
  readonly #clock: Clock
  readonly #log: Log
  readonly #outcomes: Counter
  readonly #sentBytes: Counter
  readonly #asking: AskingDeps
  readonly #serving: Omit<ServingDeps, 'provider'>
  readonly #maxTransfers: number
  readonly #stopping = new AbortController()
  /** The streams that are being served. */
  readonly #served = new Set<Promise<void>>()
  #transfers = 0

  constructor({ network, clock, log, metrics }: ExchangeDeps, init: ExchangeInit) {
    this.#network = network
    this.#clock = clock
    this.#log = log.child({ component: 'exchange' })
    this.#outcomes = metrics.counter({
      name: 'exchange_transfers_total',
      help: 'Transfers that this node served to peers, by how they ended',
      labels: { outcome: TRANSFER_OUTCOMES },
    })
    this.#sentBytes = metrics.counter({
      name: 'exchange_sent_bytes_total',
      help: 'Bytes of content that this node sent to peers, by the link to them',
      labels: { link: LINK_CLASSES },
    })
    this.#maxTransfers = init.maxTransfers ?? DEFAULT_MAX_TRANSFERS
    this.#asking = { network, clock, stallTimeoutMs: init.stallTimeoutMs ?? DEFAULT_STALL_TIMEOUT_MS }
    this.#serving = {
      clock,
      waitIntervalMs: init.waitIntervalMs ?? DEFAULT_WAIT_INTERVAL_MS,
      idleTimeoutMs: init.idleTimeoutMs ?? DEFAULT_IDLE_TIMEOUT_MS,
      stopping: this.#stopping.signal,
      onSent: (bytes, link) => this.#sentBytes.add(bytes, { link }),
    }
  }

  async serve(provider: ContentProvider): Promise<void> {
    const serving = { ...this.#serving, provider }
    await this.#network.handle(BLOB_PROTOCOL, (stream, from) =>
      this.#owned(this.#serveTransfer(serving, stream, from)),
    )
    await this.#network.handle(TAG_PROTOCOL, (stream, from) => this.#owned(serveTag(serving, stream, from)))
  }

  async stop(): Promise<void> {
    this.#stopping.abort(new PeerStreamError('this node stops'))
    await Promise.allSettled(this.#served)
  }

  open(peer: PeerId, request: TransferRequest, options: ExchangeOptions = {}): Promise<Transfer> {
    return openTransfer(this.#asking, peer, request, options)
  }

  askTag(peer: PeerId, request: TagRequest, options: ExchangeOptions = {}): Promise<TagRecord | undefined> {
    return askTag(this.#asking, peer, request, options)
  }

  sentBytes(link: LinkClass): number {
    return this.#sentBytes.value({ link })
  }

  async #owned(serving: Promise<void>): Promise<void> {
    this.#served.add(serving)
    try {
      await serving
    } finally {
      this.#served.delete(serving)
    }
  }

  async #serveTransfer(serving: ServingDeps, stream: PeerStream, from: Member): Promise<void> {
    const startedMs = this.#clock.monotonicMs()
    const { outcome, sentBytes, request, error } = await this.#serveOrRefuse(serving, stream, from)
    this.#outcomes.add(1, { outcome })
    this.#log.debug(
      {
        peer: from.peer,
        link: from.link,
        digest: request?.ref.digest,
        leadScope: request?.leadScope,
        outcome,
        bytes: sentBytes,
        durationMs: Math.round(this.#clock.monotonicMs() - startedMs),
        err: error,
      },
      'transfer served',
    )
  }

  async #serveOrRefuse(serving: ServingDeps, stream: PeerStream, from: Member): Promise<ServedTransfer> {
    if (this.#transfers >= this.#maxTransfers) return refuseAsBusy(serving, stream)
    this.#transfers += 1
    try {
      return await serveTransfer(serving, stream, from)
    } finally {
      this.#transfers -= 1
    }
  }
}
