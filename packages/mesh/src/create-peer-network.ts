import { randomInt } from 'node:crypto'
import { Resolver } from 'node:dns/promises'
import type { Clock, Log, Metrics, NodeFacts, PeerId, PeerStore } from '@layermesh/interface'
import type { ConnectionGater, PeerId as Libp2pPeerId } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { addressesOf, OwnAddresses, requireMultiaddrs, requirePeerIds } from './addresses.ts'
import { createBusyShare } from './busy-share.ts'
import { AdmissionControl } from './admission-control.ts'
import { Bans } from './bans.ts'
import { ClusterSecrets } from './cluster-secrets.ts'
import { dialTarget } from './dial-target.ts'
import { Dialer } from './dialer.ts'
import { DnsDiscovery } from './dns-discovery.ts'
import { requireDnsNames, resolveDnsName, type NameResolver } from './dns-names.ts'
import { Gossip } from './gossip.ts'
import { INTRODUCE_PROTOCOL, Introducer } from './introducer.ts'
import { PeerQuotas, type PeerLimits } from './peer-quotas.ts'
import { loadIdentity } from './identity.ts'
import { createLibp2pNode, type Encryption } from './libp2p-node.ts'
import { Libp2pPeerNetwork } from './libp2p-peer-network.ts'
import { Membership } from './membership.ts'
import { BEAT_INTERVAL_MS, MembershipView } from './membership-view.ts'
import { OwnBeat } from './own-beat.ts'
import { FORGETFUL_PEER_STORE, RememberedPeers } from './remembered-peers.ts'

/** How long a peer has to prove membership, in milliseconds. */
export const DEFAULT_HELLO_TIMEOUT_MS = 5_000

/** TLS costs less; noise is what nodes of the first versions speak. */
const DEFAULT_ENCRYPTION: readonly Encryption[] = ['tls', 'noise']

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
  /** @default the name servers of the system */
  readonly resolver?: NameResolver
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
  /**
   * Names that lead to other nodes: `name`, `name:port`, or that of a service.
   * @default none
   */
  readonly dns?: readonly string[]
  /** Whether to find other nodes on the LAN. */
  readonly mdns: boolean
  /**
   * The cluster's secret, or two while it is being replaced: who proves either is a member. Without one everybody is
   * a member who has none either.
   */
  readonly secrets?: readonly string[]
  /** The peer ids that may be members; none: whoever proves the secret. */
  readonly allow?: readonly string[]
  /** Connections that one remote address may open in a second; nodes behind one NAT share an address. */
  readonly inboundConnectionsPerSecond: number
  /**
   * How connections may be encrypted, the best first.
   * @default {@link DEFAULT_ENCRYPTION}
   */
  readonly encryption?: readonly Encryption[]
  /**
   * What a peer may do before it is cut off.
   * @default far more than a node that works as it should ever does
   */
  readonly limits?: PeerLimits
  /** @default {@link DEFAULT_HELLO_TIMEOUT_MS} */
  readonly helloTimeoutMs?: number
}

/**
 * Creates this node's end of the cluster's peer network; `start` makes it listen and join.
 *
 * Throws ERR_DATA_DIR when the identity can't be loaded, and ERR_CONFIG_INVALID when an address is no multiaddr.
 */
export async function createPeerNetwork(
  deps: PeerNetworkDeps,
  init: PeerNetworkInit,
): Promise<Libp2pPeerNetwork> {
  const { clock, log: parentLog, metrics, peers = FORGETFUL_PEER_STORE, random = Math.random } = deps
  const { facts, helloTimeoutMs = DEFAULT_HELLO_TIMEOUT_MS } = init
  const secrets = new ClusterSecrets(init.secrets ?? [])
  const allow = new Set(requirePeerIds('mesh.allow', init.allow ?? []))
  const isAllowed = (peer: PeerId) => allow.size === 0 || allow.has(peer)
  const listen = requireMultiaddrs('mesh.listen', init.listen)
  const announce = requireMultiaddrs('mesh.announce', init.announce)
  const bootstrap = requireMultiaddrs('mesh.bootstrap', init.bootstrap)
  const names = requireDnsNames('mesh.dns', init.dns ?? [])
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
      introduced: ({ peer, addresses: said }, by) => learn(peer, said, by),
    },
    {
      self: () => ({
        ...{ peer: self, facts, secrets: secrets.list, isAllowed },
        addresses: addresses.advertised(),
      }),
      helloTimeoutMs,
    },
  )
  const quotas = new PeerQuotas(
    {
      clock,
      log,
      metrics,
      ban: (peer, durationMs) => network.ban(peer, durationMs),
    },
    init.limits,
  )
  const introducer = new Introducer({
    log,
    isMember: (peer) => membership.has(peer),
    open: (peer) => network.openStream(peer, INTRODUCE_PROTOCOL),
    learn: (peer, said) => learn(peer, said),
  })
  const gossip = new Gossip({
    log,
    isMember: (peer) => membership.has(peer),
    isAdmitted: (connection) => admission.isAdmitted(connection),
    take: (peer, limit, amount, via) => quotas.take(peer, limit, amount, via),
  })
  const node = await createLibp2pNode({
    privateKey,
    listen,
    inboundConnectionsPerSecond: init.inboundConnectionsPerSecond,
    encryption: init.encryption ?? DEFAULT_ENCRYPTION,
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
      unreached: (peer, via) => void introducer.ask(via, peer),
      dial: (target, signal) => dialTarget({ clock, node, admission, membership }, target, signal),
    },
    { self, bootstrap },
  )
  const resolver = deps.resolver ?? new Resolver()
  const discovery = new DnsDiscovery({
    ...{ clock, log, names },
    resolve: (name) => resolveDnsName(resolver, name),
    found: (found) => {
      const reached = [...addresses.advertised(), ...membership.list().flatMap((member) => member.addresses)]
      const taken = new Set(reached.map((address) => address.replace(/\/p2p\/.*$/, '')))
      dialer.resolved(found.filter((address) => !taken.has(address)))
    },
  })
  function learn(peer: string, said: readonly string[], via?: PeerId): void {
    if (!isAllowed(peer as PeerId)) return
    dialer.learn(peer as PeerId, addressesOf(peer as PeerId, said).map(String), via)
  }
  const remembered = new RememberedPeers({ clock, log, store: peers, learn })
  const network: Libp2pPeerNetwork = new Libp2pPeerNetwork(
    {
      ...{ clock, log, metrics, node, bans, secrets, membership, addresses, admission, gossip, dialer },
      ...{ remembered, ownBeat, quotas, introducer, names: discovery },
    },
    { self, facts, listen, authenticated: secrets.list.length > 0 || allow.size > 0 },
  )
  return network
}

function denyBanned(bans: Bans): ConnectionGater {
  const isBanned = (peer: Libp2pPeerId) => bans.has(peer.toString() as PeerId)
  return {
    denyDialPeer: isBanned,
    denyInboundEncryptedConnection: isBanned,
    denyOutboundEncryptedConnection: isBanned,
  }
}
