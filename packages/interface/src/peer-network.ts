import type { Unsubscribe } from './lifecycle.ts'
import type { LinkClass, Locality } from './locality.ts'

/** A node's libp2p peer id in its text form. */
export type PeerId = string & { readonly __peerId: unique symbol }

/** What a node says of itself when it joins. */
export interface NodeFacts {
  readonly name: string
  readonly version: string
  readonly locality: Locality
}

/** Whether a member has lately shown signs of life. A suspect is silent and may be gone: what can be asked elsewhere should be. */
export type MemberState = 'up' | 'suspect'

/** What a member says of how it is, in each of its heartbeats. */
export interface MemberVitals {
  /** Share of the time since the heartbeat before in which it was busy, 0 to 1. */
  readonly load: number
  /** What it can do: the protocols that it serves (`/layermesh/<name>/<version>`). During an upgrade they differ. */
  readonly capabilities: readonly string[]
}

/** A live peer of the same cluster that has proven membership. */
export interface Member extends NodeFacts {
  /** @default up */
  readonly state?: MemberState
  /** Undefined before its first heartbeat. */
  readonly vitals?: MemberVitals
  readonly peer: PeerId
  /** Link class between this node and the member. */
  readonly link: LinkClass
  /** Multiaddrs under which the member can be reached, as far as known. */
  readonly addresses: readonly string[]
  /** Last measured round-trip time in milliseconds, undefined before the first measurement. */
  readonly roundTripMs: number | undefined
}

/** Size of the longest frame of a peer stream, in bytes: 1 MiB of payload and room for what a protocol says about it. */
export const MAX_FRAME_BYTES = 1024 * 1024 + 1024

/** Size of the longest gossip message, in bytes. */
export const MAX_GOSSIP_BYTES = 1024 * 1024

/** Size of the longest fingerprint that a heartbeat carries, in bytes. */
export const MAX_FINGERPRINT_BYTES = 4096

/** A frame: one message of a peer stream, at most {@link MAX_FRAME_BYTES} long. */
export type Frame = Uint8Array

/**
 * A bidirectional stream of length-delimited frames to one peer. Flow control is by pulling: a sender that awaits
 * `send` never queues more than one frame, and a peer sends only what was asked for.
 */
export interface PeerStream {
  readonly peer: PeerId
  /** Resolves when the transport has room for the next frame. Throws ERR_PEER_STREAM when the stream is gone. */
  send(frame: Frame, options?: { readonly signal?: AbortSignal }): Promise<void>
  /** The next frame; undefined when the peer closed its side. Throws ERR_PEER_STREAM on reset, ERR_PEER_PROTOCOL on a frame that is too long. */
  receive(options?: { readonly signal?: AbortSignal }): Promise<Frame | undefined>
  /** Ends our side in good order. Idempotent. */
  close(): Promise<void>
  /** Resets the stream at once. Idempotent. */
  abort(reason: Error): void
}

/**
 * Serves one inbound stream; the network aborts the stream when it throws and closes it when it returns. The opener
 * speaks first: a network may call the handler only when the opener's first frame has come.
 */
export type PeerStreamHandler = (stream: PeerStream, member: Member) => Promise<void>

/** A gossip message of a member; its author is authenticated. */
export type GossipHandler = (from: PeerId, message: Uint8Array) => void

/** Why a member is one no more. */
export type Departure =
  /** It said so. */
  | 'leaving'
  /** Nothing was heard of it for 15 s. */
  | 'silent'
  /** The last connection to it has ended. */
  | 'lost'
  /** It has come back as another version of itself. */
  | 'restarted'

/** What happens to the set of members. */
export interface MembershipListener {
  joined?(member: Member): void
  left?(member: Member, reason: Departure): void
  /** Nothing was heard of a member for a while; it recovers or leaves. */
  suspected?(member: Member): void
  recovered?(member: Member): void
  /** A heartbeat of a member has come that carries a fingerprint. */
  fingerprint?(member: Member, fingerprint: Uint8Array): void
}

/** The cluster as this node sees it. Nothing reaches a handler from a peer that has not proven membership. */
export interface PeerNetwork {
  readonly self: Member
  /** Live members without this node, in no order. */
  members(): readonly Member[]
  /** Whether membership is proven by a secret; without one, anybody who can reach the port is a member. */
  readonly authenticated: boolean
  /**
   * Whether more members are missing that this node knows of than there are, and it hasn't looked for them a moment ago: it has just
   * started, or was stopped, or cut off from the others. What it knows of the cluster says little then.
   */
  readonly isCutOff: boolean
  /** Looks for members that are missing. Resolves when all have come or can't be reached, within 2 s; never rejects. */
  search(): Promise<void>
  /** Opens a stream for `protocol` (`/layermesh/<name>/<version>`). Throws ERR_PEER_UNREACHABLE. */
  openStream(peer: PeerId, protocol: string, options?: { readonly signal?: AbortSignal }): Promise<PeerStream>
  /** Serves `protocol` from now on; at most once for each protocol. */
  handle(protocol: string, handler: PeerStreamHandler): Promise<void>
  /** Publishes at most {@link MAX_GOSSIP_BYTES} to all members, best effort: messages may be lost, repeated or reordered. */
  publish(topic: string, message: Uint8Array): Promise<void>
  subscribe(topic: string, handler: GossipHandler): Unsubscribe
  onMembership(listener: MembershipListener): Unsubscribe
  /**
   * What heartbeats carry from now on beside the network's own: opaque to the network, at most
   * {@link MAX_FINGERPRINT_BYTES}, read anew for each of them. A first one goes out at once.
   */
  setFingerprint(read: () => Uint8Array): void
  /** Cuts a peer off for `durationMs`: it is disconnected and not readmitted before. */
  ban(peer: PeerId, durationMs: number): void
}
