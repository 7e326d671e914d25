import { ProgressDeadline } from '@layermesh/async'
import {
  MAX_FRAME_BYTES,
  PeerUnreachableError,
  type CancelTimer,
  type Clock,
  type Departure,
  type GossipHandler,
  type Log,
  type Member,
  type MembershipListener,
  type Metrics,
  type NodeFacts,
  type PeerId,
  type PeerNetwork,
  type PeerStream,
  type PeerStreamHandler,
  type Startable,
  type Unsubscribe,
} from '@layermesh/interface'
import type { Connection, Libp2p, Stream } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import type { OwnAddresses } from './addresses.ts'
import type { AdmissionControl } from './admission-control.ts'
import { HELLO_PROTOCOL } from './admission.ts'
import type { Bans } from './bans.ts'
import type { ClusterSecrets } from './cluster-secrets.ts'
import type { Dialer } from './dialer.ts'
import type { Gossip } from './gossip.ts'
import type { BeatMessage } from './beat-message.ts'
import { Heartbeat, HEARTBEAT_PROTOCOL } from './heartbeat.ts'
import { listenErrorOf } from './listen-error.ts'
import { remotePeerOf, type Membership } from './membership.ts'
import { BEAT_INTERVAL_MS, TICK_INTERVAL_MS } from './membership-view.ts'
import type { OwnBeat } from './own-beat.ts'
import type { DnsDiscovery } from './dns-discovery.ts'
import { INTRODUCE_PROTOCOL, type Introducer } from './introducer.ts'
import type { PeerQuotas } from './peer-quotas.ts'
import { Libp2pPeerStream } from './peer-stream.ts'
import type { RememberedPeers } from './remembered-peers.ts'
import { untilClosed } from './until-closed.ts'

/** After how long without a sign of life a connection is given up, in milliseconds. */
const SILENT_AFTER_MS = 15_000

/** How long the opening of a stream may take, in milliseconds. */
const OPEN_TIMEOUT_MS = 10_000

/** How long a member may need to hear that this node leaves, in milliseconds. */
const GOODBYE_TIMEOUT_MS = 1_000

/** Streams of one protocol that each side of a connection may have open. */
const MAX_STREAMS = 256

/** What a peer may send on a stream before its admission is settled, in bytes. */
const MAX_EARLY_BYTES = 64 * 1024

/** Serves a stream, and is told on which connection it came. */
type ConnectionStreamHandler = (stream: PeerStream, member: Member, connection: Connection) => Promise<void>

/** Collaborators of a {@link Libp2pPeerNetwork}; they belong to it. */
export interface Libp2pPeerNetworkDeps {
  readonly clock: Clock
  readonly log: Log
  readonly metrics: Metrics
  readonly node: Libp2p
  readonly bans: Bans
  readonly secrets: ClusterSecrets
  readonly membership: Membership
  readonly addresses: OwnAddresses
  readonly admission: AdmissionControl
  readonly gossip: Gossip
  readonly dialer: Dialer
  readonly remembered: RememberedPeers
  readonly ownBeat: OwnBeat
  readonly quotas: PeerQuotas
  readonly introducer: Introducer
  readonly names: DnsDiscovery
}

/** Tunables of a {@link Libp2pPeerNetwork}. */
export interface Libp2pPeerNetworkInit {
  readonly self: PeerId
  readonly facts: NodeFacts
  readonly listen: readonly string[]
  readonly authenticated: boolean
}

/**
 * A cluster over libp2p, fully connected: each node has a connection to each member that it knows of. Streams,
 * gossip and introductions are for members; a peer becomes one by the hello, and stays one while a connection over
 * which it was admitted is alive.
 */
export class Libp2pPeerNetwork implements PeerNetwork, Startable {
  readonly authenticated: boolean
  readonly #deps: Libp2pPeerNetworkDeps
  readonly #init: Libp2pPeerNetworkInit
  readonly #heartbeats = new Map<Connection, Heartbeat>()
  #cancelTick: CancelTimer = () => {}
  #stopping: Promise<void> | undefined

  constructor(deps: Libp2pPeerNetworkDeps, init: Libp2pPeerNetworkInit) {
    this.authenticated = init.authenticated
    this.#deps = deps
    this.#init = init
    const { node, membership, addresses, metrics } = deps
    metrics.gauge(
      { name: 'mesh_members', help: 'Live members of the cluster, without this node.' },
      () => membership.size,
    )
    membership.onChange({
      joined: this.#onJoined,
      left: this.#onLeft,
      suspected: ({ peer, name }) => deps.log.info({ peer, name }, 'peer suspected'),
      recovered: ({ peer, name }) => deps.log.info({ peer, name }, 'peer recovered'),
    })
    node.addEventListener('transport:listening', ({ detail }) => addresses.listening(detail))
    node.addEventListener('connection:open', ({ detail }) => void this.#onOpen(detail))
    node.addEventListener('connection:close', ({ detail }) => this.#onClose(detail))
  }

  /** Listens and begins to join. Throws ERR_LISTEN when an address can't be listened on. */
  async start(): Promise<void> {
    const { node, admission, gossip, dialer, remembered } = this.#deps
    await node.handle(HELLO_PROTOCOL, (stream, connection) => admission.accept(stream, connection))
    await this.#handle(HEARTBEAT_PROTOCOL, async (stream, _member, connection) => {
      await this.#heartbeats.get(connection)?.accept(stream)
    })
    await this.handle(INTRODUCE_PROTOCOL, (stream, member) => this.#deps.introducer.serve(stream, member))
    try {
      await node.start()
    } catch (error) {
      throw listenErrorOf(error as Error, this.#init.listen)
    }
    gossip.start()
    this.#tick()
    await dialer.start()
    await this.#deps.names.start()
    await remembered.recall()
  }

  /** Leaves: connections are closed in good order, so that the others see it at once. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  get self(): Member {
    const { self, facts } = this.#init
    const addresses = this.#deps.addresses.advertised()
    return { peer: self, ...facts, link: 'site', addresses, roundTripMs: undefined }
  }

  members(): readonly Member[] {
    return this.#deps.membership.list()
  }

  get isCutOff(): boolean {
    return this.#deps.dialer.isCutOff(this.#deps.membership.size)
  }

  search(): Promise<void> {
    return this.#deps.dialer.search()
  }

  /** The multiaddrs that are listened on, with their real ports and this node's peer id. */
  listenAddresses(): readonly string[] {
    return this.#deps.addresses.listened()
  }

  async openStream(
    peer: PeerId,
    protocol: string,
    { signal }: { readonly signal?: AbortSignal } = {},
  ): Promise<PeerStream> {
    signal?.throwIfAborted()
    const connection = this.#deps.membership.connectionTo(peer)
    if (connection === undefined) throw new PeerUnreachableError(`${peer} is no member`)
    return this.#openStream(connection, protocol, signal)
  }

  /** The opener of a stream speaks first: a handler is called when its first bytes have come. */
  async handle(protocol: string, handler: PeerStreamHandler): Promise<void> {
    await this.#handle(protocol, handler)
    this.#deps.ownBeat.addCapability(protocol)
  }

  async #handle(protocol: string, handler: ConnectionStreamHandler): Promise<void> {
    await this.#deps.node.handle(
      protocol,
      (stream, connection) => void this.#serve(stream, connection, handler),
      {
        maxInboundStreams: MAX_STREAMS,
        maxOutboundStreams: MAX_STREAMS,
      },
    )
  }

  publish(topic: string, message: Uint8Array): Promise<void> {
    return this.#deps.gossip.publish(topic, message)
  }

  subscribe(topic: string, handler: GossipHandler): Unsubscribe {
    return this.#deps.gossip.subscribe(topic, handler)
  }

  onMembership(listener: MembershipListener): Unsubscribe {
    return this.#deps.membership.onChange(listener)
  }

  /**
   * Replaces the cluster's secrets. Members stay; those that have proven one that is no longer among them have to
   * prove another on the connections that there are, and are cut off when they can't.
   */
  async setSecrets(secrets: readonly string[]): Promise<void> {
    const { admission, node } = this.#deps
    this.#deps.secrets.list = secrets
    await Promise.all(node.getConnections().map((connection) => admission.renew(connection)))
  }

  setFingerprint(read: () => Uint8Array): void {
    this.#deps.ownBeat.setFingerprint(read)
    for (const heartbeat of this.#heartbeats.values()) void heartbeat.beatNow()
  }

  ban(peer: PeerId, durationMs: number): void {
    const { node, bans, dialer, remembered, log } = this.#deps
    bans.add(peer, durationMs)
    log.warn({ peer, durationMs }, 'peer banned')
    for (const connection of node.getConnections(peerIdFromString(peer))) {
      connection.abort(new Error('the peer is banned'))
    }
    dialer.left(peer, { notBeforeMs: bans.endOf(peer), missed: false })
    remembered.banned(peer)
  }

  async #stop(): Promise<void> {
    const { node, gossip, dialer, remembered } = this.#deps
    await this.#deps.names.stop()
    await dialer.stop()
    await remembered.stop(this.members())
    this.#cancelTick()
    gossip.stop()
    await this.#sayGoodbye()
    await Promise.all(
      node
        .getConnections()
        .map((connection) => connection.close().catch((error: unknown) => connection.abort(error as Error))),
    )
    await node.stop()
  }

  /** Members close the connection when they hear it; those that don't see it end. */
  async #sayGoodbye(): Promise<void> {
    const told = [...this.#heartbeats].filter(([, heartbeat]) => heartbeat.sayGoodbye())
    await Promise.all(told.map(([connection]) => untilClosed(connection, GOODBYE_TIMEOUT_MS)))
  }

  #tick(): void {
    const { clock, membership } = this.#deps
    membership.tick(clock.monotonicMs())
    this.#cancelTick = clock.setTimer(TICK_INTERVAL_MS, () => this.#tick())
  }

  async #openStream(connection: Connection, protocol: string, signal?: AbortSignal): Promise<PeerStream> {
    const peer = remotePeerOf(connection)
    const { clock } = this.#deps
    using deadline = new ProgressDeadline(
      clock,
      OPEN_TIMEOUT_MS,
      () => new Error('opening a stream took too long'),
    )
    try {
      const stream = await connection.newStream(protocol, {
        signal: AbortSignal.any(signal === undefined ? [deadline.signal] : [deadline.signal, signal]),
        maxOutboundStreams: MAX_STREAMS,
      })
      return this.#peerStreamOf(stream, connection)
    } catch (cause) {
      signal?.throwIfAborted()
      throw new PeerUnreachableError(`${peer} can't be reached for ${protocol}`, { cause })
    }
  }

  async #serve(stream: Stream, connection: Connection, handler: ConnectionStreamHandler): Promise<void> {
    stream.maxReadBufferLength = MAX_EARLY_BYTES
    const admitted = await this.#deps.admission.isAdmitted(connection)
    const member = this.#deps.membership.get(remotePeerOf(connection))
    if (!admitted || member === undefined || !this.#deps.quotas.take(member.peer, 'streams')) {
      stream.abort(new Error('the peer is no member'))
      return
    }
    const peerStream = this.#peerStreamOf(stream, connection)
    try {
      await peerStream.untilFirstBytes()
      await handler(peerStream, member, connection)
      await peerStream.close()
      peerStream.discard()
    } catch (error) {
      this.#deps.log.debug({ peer: member.peer, protocol: stream.protocol, err: error }, 'peer stream failed')
      peerStream.abort(error as Error)
    }
  }

  #peerStreamOf(stream: Stream, connection: Connection): Libp2pPeerStream {
    const peer = remotePeerOf(connection)
    return new Libp2pPeerStream(stream, {
      peer,
      maxFrameBytes: MAX_FRAME_BYTES,
      onBytes: () => {
        this.#heartbeats.get(connection)?.heard()
        this.#deps.membership.heard(peer)
      },
    })
  }

  async #onOpen(connection: Connection): Promise<void> {
    const { clock, admission, gossip, ownBeat, log } = this.#deps
    admission.begin(connection)
    if (!(await admission.isAdmitted(connection)) || connection.status !== 'open') return
    const peer = remotePeerOf(connection)
    const dialled = connection.direction === 'outbound'
    const heartbeat = new Heartbeat(
      {
        clock,
        open: dialled ? () => this.#openStream(connection, HEARTBEAT_PROTOCOL) : undefined,
        nextBeat: () => ownBeat.next(),
        onBeat: (beat) => this.#onBeat(connection, beat),
        onRoundTrip: (roundTripMs) => this.#deps.membership.measured(peer, roundTripMs),
        onSilent: () => {
          log.info({ peer }, 'peer silent')
          connection.abort(new Error('the peer is silent'))
        },
      },
      { intervalMs: BEAT_INTERVAL_MS, silentAfterMs: SILENT_AFTER_MS },
    )
    this.#heartbeats.set(connection, heartbeat)
    gossip.attach(connection)
  }

  #onBeat(connection: Connection, beat: BeatMessage): void {
    const { membership, gossip, remembered } = this.#deps
    const peer = remotePeerOf(connection)
    if (!this.#deps.quotas.take(peer, 'heartbeats')) return
    if (beat.leaving) {
      membership.leave(peer)
      connection.close().catch((error: unknown) => connection.abort(error as Error))
      return
    }
    if (beat.roundTripMs !== undefined) membership.measured(peer, beat.roundTripMs)
    membership.beat(peer, beat)
    const member = membership.get(peer)
    if (member !== undefined) remembered.seen(member)
    // Whatever ended gossip on this connection, or kept it from beginning, lasts no longer than a beat.
    gossip.attach(connection)
  }

  #onClose(connection: Connection): void {
    const { membership, gossip } = this.#deps
    this.#heartbeats.get(connection)?.stop()
    this.#heartbeats.delete(connection)
    membership.remove(connection)
    if (!membership.has(remotePeerOf(connection))) gossip.detach(connection.remotePeer)
  }

  readonly #onJoined = (member: Member): void => {
    const { peer, name, link, addresses } = member
    this.#deps.log.info({ peer, name, link, addresses }, 'peer joined')
    this.#deps.dialer.joined(member)
    this.#deps.remembered.joined(member)
  }

  readonly #onLeft = (member: Member, reason: Departure): void => {
    const { peer, name, link } = member
    this.#deps.log.info({ peer, name, link, reason }, 'peer left')
    const notBeforeMs = this.#deps.bans.endOf(peer)
    const missed = reason !== 'leaving' && notBeforeMs === undefined
    this.#deps.dialer.left(peer, { notBeforeMs, missed })
    this.#deps.remembered.left(member)
    this.#deps.quotas.forget(peer)
  }
}
