import { randomInt } from 'node:crypto'
import type { Clock, Log, Metrics, NodeFacts, PeerId, PeerStore } from '@layermesh/interface'
import type { ConnectionGater, PeerId as Libp2pPeerId } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { addressesOf, OwnAddresses, requireMultiaddrs } from './addresses.ts'
import { createBusyShare } from './busy-share.ts'
import { AdmissionControl } from './admission-control.ts'
import { Bans } from './bans.ts'
import { dialTarget } from './dial-target.ts'
import { Dialer } from './dialer.ts'
import { Gossip } from './gossip.ts'
import { loadIdentity } from './identity.ts'
import { createLibp2pNode } from './libp2p-node.ts'
import { Libp2pPeerNetwork } from './libp2p-peer-network.ts'
import { Membership } from './membership.ts'
import { BEAT_INTERVAL_MS, MembershipView } from './membership-view.ts'
import { OwnBeat } from './own-beat.ts'
import { FORGETFUL_PEER_STORE, RememberedPeers } from './remembered-peers.ts'

/** How long a peer has to prove membership, in milliseconds. */
export const DEFAULT_HELLO_TIMEOUT_MS = 5_000

/** Collaborators of {@link createPeerNetwork}. */
export interface PeerNetworkDeps {
  readonly clock: Clock
  readonly log: Log
  readonly metrics: Metrics
  /**
   * Remembers members across restarts.
   * @default none is remembered
   */
  readonly peers?: PeerStore
  /**
   * Spreads redials; 0 to 1.
   * @default Math.random
   */
  readonly random?: () => number
}

/** Tunables of {@link createPeerNetwork}. */
export interface PeerNetworkInit {
  /** The folder in which the node's identity is kept, as `v1/identity.key`. */
  readonly dataDir: string
  /** What this node says of itself. */
  readonly facts: NodeFacts
  /** Multiaddrs to listen on. */
  readonly listen: readonly string[]
  /** Multiaddrs that others are told instead of those listened on; none: those listened on. */
  readonly announce: readonly string[]
  /** Multiaddrs of nodes to join by, with or without their peer id. */
  readonly bootstrap: readonly string[]
  /** Whether to find other nodes on the LAN. */
  readonly mdns: boolean
  /** The cluster's secret; without one everybody is a member who has none either. */
  readonly secret?: string
  /** Connections that one remote address may open in a second; nodes behind one NAT share an address. */
  readonly inboundConnectionsPerSecond: number
  /** @default {@link DEFAULT_HELLO_TIMEOUT_MS} */
  readonly helloTimeoutMs?: number
}

/**
 * Creates this node's end of the cluster's peer network; `start` makes it listen and join.
 *
 * Throws ERR_DATA_DIR when the identity can't be loaded, and ERR_CONFIG_INVALID when an address is no multiaddr.
 */
export async function createPeerNetwork(
  { clock, log: parentLog, metrics, peers = FORGETFUL_PEER_STORE, random = Math.random }: PeerNetworkDeps,
  init: PeerNetworkInit,
): Promise<Libp2pPeerNetwork> {
  const { facts, secret, helloTimeoutMs = DEFAULT_HELLO_TIMEOUT_MS } = init
  const listen = requireMultiaddrs('mesh.listen', init.listen)
  const announce = requireMultiaddrs('mesh.announce', init.announce)
  const bootstrap = requireMultiaddrs('mesh.bootstrap', init.bootstrap)
  const privateKey = await loadIdentity(init.dataDir)
  const self = peerIdFromPrivateKey(privateKey).toString() as PeerId

  const log = parentLog.child({ component: 'mesh' })
  const bans = new Bans(clock)
  const membership = new Membership(log, new MembershipView(facts.locality, clock.monotonicMs()))
  const ownBeat = new OwnBeat({
    log,
    epoch: randomInt(2 ** 48 - 1),
    readLoad: createBusyShare(clock, BEAT_INTERVAL_MS),
  })
  const addresses = new OwnAddresses(self, announce)
  const admission = new AdmissionControl(
    {
      clock,
      log,
      metrics,
      membership,
      introduced: ({ peer, addresses: said }) => learn(peer, said),
    },
    { self: () => ({ peer: self, facts, secret, addresses: addresses.advertised() }), helloTimeoutMs },
  )
  const gossip = new Gossip({
    log,
    isMember: (peer) => membership.has(peer),
    isAdmitted: (connection) => admission.isAdmitted(connection),
  })
  const node = await createLibp2pNode({
    privateKey,
    listen,
    inboundConnectionsPerSecond: init.inboundConnectionsPerSecond,
    connectionGater: denyBanned(bans),
    gossip,
    onDiscovered: init.mdns
      ? ({ id, multiaddrs }) => learn(id.toString(), multiaddrs.map(String))
      : undefined,
  })
  const dialer = new Dialer(
    {
      clock,
      log,
      random,
      isMember: (peer) => membership.has(peer),
      dial: (target, signal) => dialTarget({ clock, node, admission, membership }, target, signal),
    },
    { self, bootstrap },
  )
  function learn(peer: string, said: readonly string[]): void {
    dialer.learn(peer as PeerId, addressesOf(peer as PeerId, said).map(String))
  }
  const remembered = new RememberedPeers({ clock, log, store: peers, learn })
  return new Libp2pPeerNetwork(
    {
      clock,
      log,
      metrics,
      node,
      bans,
      membership,
      addresses,
      admission,
      gossip,
      dialer,
      remembered,
      ownBeat,
    },
    { self, facts, listen, authenticated: secret !== undefined },
  )
}

function denyBanned(bans: Bans): ConnectionGater {
  const isBanned = (peer: Libp2pPeerId) => bans.has(peer.toString() as PeerId)
  return {
    denyDialPeer: isBanned,
    denyInboundEncryptedConnection: isBanned,
    denyOutboundEncryptedConnection: isBanned,
  }
}
