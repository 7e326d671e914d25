import {
  gossipsub,
  StrictSign,
  TopicValidatorResult,
  type GossipSub,
  type GossipSubComponents,
  type Message,
} from '@chainsafe/libp2p-gossipsub'
import {
  MAX_GOSSIP_BYTES,
  type GossipHandler,
  type Log,
  type PeerId,
  type Unsubscribe,
} from '@layermesh/interface'
import { remotePeerOf } from './membership.ts'
import type { Connection, PeerId as Libp2pPeerId, StreamHandler, Topology } from '@libp2p/interface'

/** Longest bundle of messages that a peer may send at once, when it hands over what we have missed, and that may wait for a peer that is slow. */
const MAX_BUNDLE_BYTES = 16 * MAX_GOSSIP_BYTES

/** Each message is passed on to so many peers, less the one that it came from. */
export const GOSSIP_DEGREE = 8

/** So many others are told in each of three seconds which messages there were, and ask for those that they lack. */
export const GOSSIP_HINTS = 6

const NO_BYTES = new Uint8Array(0)

/** Collaborators of {@link Gossip}. */
export interface GossipDeps {
  readonly log: Log
  readonly isMember: (peer: PeerId) => boolean
  /** Whether the peer at the other end is a member; waits while its admission is under way. */
  readonly isAdmitted: (connection: Connection) => Promise<boolean>
  /** Takes from what a peer may do, and returns whether it may. */
  readonly take: (peer: PeerId, limit: 'messages' | 'gossip', amount: number, via: PeerId) => boolean
}

/**
 * Messages to all members, by gossipsub. gossipsub gets to know members alone: it learns of peers from us instead of
 * from libp2p, its streams with others are reset, and messages whose author is no member are dropped.
 */
export class Gossip {
  readonly #deps: GossipDeps
  readonly #handlers = new Map<string, Set<GossipHandler>>()
  #topology: Topology | undefined
  #pubsub: GossipSub | undefined
  #started = false

  constructor(deps: GossipDeps) {
    this.#deps = deps
  }

  /** Makes the service for libp2p. */
  readonly createService = (components: GossipSubComponents): GossipSub => {
    const pubsub = gossipsub({
      globalSignaturePolicy: StrictSign,
      fallbackToFloodsub: false,
      // Up to nine nodes everybody hears from the author; with more, messages are passed on and uplinks spared.
      floodPublish: false,
      D: GOSSIP_DEGREE,
      Dlo: 6,
      Dhi: 12,
      Dscore: 4,
      Dout: 2,
      Dlazy: GOSSIP_HINTS,
      // As a share of all peers, which is the library's default, hints would outgrow the messages themselves.
      gossipFactor: 0,
      allowPublishToZeroTopicPeers: true,
      fastMsgIdFn: authorAndNumber,
      maxInboundDataLength: MAX_BUNDLE_BYTES,
      maxOutboundBufferSize: MAX_BUNDLE_BYTES,
      // Scores are for strangers. These would silence members: all those behind one address once there are more than
      // ten, and those on slow links.
      scoreParams: { IPColocationFactorWeight: 0, behaviourPenaltyWeight: 0 },
    })({
      privateKey: components.privateKey,
      peerId: components.peerId,
      peerStore: components.peerStore,
      connectionManager: components.connectionManager,
      logger: components.logger,
      registrar: this.#membersOnly(components.registrar),
    })
    pubsub.addEventListener('message', ({ detail }) => this.#deliver(detail))
    this.#pubsub = pubsub
    return pubsub
  }

  /** To be called when libp2p has been started: until then gossipsub takes no subscriptions. */
  start(): void {
    this.#started = true
    for (const topic of this.#handlers.keys()) this.#join(topic)
  }

  /** To be called before libp2p is stopped. */
  stop(): void {
    this.#started = false
  }

  /** Makes sure that there is gossip on a member's connection. Idempotent. */
  attach(connection: Connection): void {
    void this.#topology?.onConnect?.(connection.remotePeer, connection)
  }

  /** Ends gossip with a member that has left. */
  detach(peer: Libp2pPeerId): void {
    void this.#topology?.onDisconnect?.(peer)
  }

  async publish(topic: string, message: Uint8Array): Promise<void> {
    if (message.length > MAX_GOSSIP_BYTES) {
      throw new RangeError(`a message of ${message.length} bytes is longer than ${MAX_GOSSIP_BYTES}`)
    }
    if (this.#started) await this.#pubsub?.publish(topic, message)
  }

  subscribe(topic: string, handler: GossipHandler): Unsubscribe {
    const handlers = this.#handlers.get(topic) ?? new Set()
    // A function of its own for each subscription, so that one handler may be subscribed twice.
    const subscribed: GossipHandler = (from, message) => handler(from, message)
    this.#handlers.set(topic, handlers.add(subscribed))
    if (this.#started && handlers.size === 1) this.#join(topic)
    return () => {
      if (!handlers.delete(subscribed) || handlers.size > 0) return
      this.#handlers.delete(topic)
      if (this.#started) this.#pubsub?.unsubscribe(topic)
      this.#pubsub?.topicValidators.delete(topic)
    }
  }

  #join(topic: string): void {
    this.#pubsub?.topicValidators.set(topic, this.#validate)
    this.#pubsub?.subscribe(topic)
  }

  readonly #validate = (source: Libp2pPeerId, message: Message): TopicValidatorResult => {
    if (message.type !== 'signed' || message.data.length > MAX_GOSSIP_BYTES)
      return TopicValidatorResult.Reject
    // The author may have just left, or be known to others earlier than to us: nobody is to blame.
    const author = message.from.toString() as PeerId
    const via = source.toString() as PeerId
    const taken = this.#deps.isMember(author) && this.#deps.take(author, 'messages', 1, via)
    return taken ? TopicValidatorResult.Accept : TopicValidatorResult.Ignore
  }

  #deliver(message: Message): void {
    if (message.type !== 'signed') return
    const from = message.from.toString() as PeerId
    for (const handler of [...(this.#handlers.get(message.topic) ?? [])]) {
      try {
        handler(from, message.data)
      } catch (error) {
        this.#deps.log.error({ err: error, topic: message.topic }, 'gossip handler failed')
      }
    }
  }

  /** The registrar as gossipsub is to see it: streams of members only, and us as the one who says who connects. */
  #membersOnly(registrar: GossipSubComponents['registrar']): GossipSubComponents['registrar'] {
    const used = {
      handle: (protocol, handler, options) => registrar.handle(protocol, this.#gate(handler), options),
      unhandle: (protocol, options) => registrar.unhandle(protocol, options),
      register: (_protocol, topology) => {
        this.#topology = topology
        return Promise.resolve('members')
      },
      unregister: () => {
        this.#topology = undefined
      },
    } satisfies Partial<GossipSubComponents['registrar']>
    // gossipsub uses no other methods.
    return used as unknown as GossipSubComponents['registrar']
  }

  #gate(handler: StreamHandler): StreamHandler {
    return async (stream, connection) => {
      if (!(await this.#deps.isAdmitted(connection))) {
        stream.abort(new Error('the peer is no member'))
        return
      }
      const peer = remotePeerOf(connection)
      stream.addEventListener('message', ({ data }) => this.#deps.take(peer, 'gossip', data.byteLength, peer))
      await handler(stream, connection)
    }
  }
}

/**
 * What tells a message from others before its signature has been checked, so that those that pass on what has come already cost no check
 * each. gossipsub remembers only messages whose signature was right: a forged one is in nobody's way.
 */
function authorAndNumber({ from, seqno }: { from?: Uint8Array; seqno?: Uint8Array }): string {
  return Buffer.concat([seqno ?? NO_BYTES, from ?? NO_BYTES]).toString('latin1')
}
