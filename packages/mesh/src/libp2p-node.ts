import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { tls } from '@libp2p/tls'
import { yamux } from '@libp2p/yamux'
import { mdns } from '@libp2p/mdns'
import {
  serviceCapabilities,
  type ConnectionGater,
  type Libp2p,
  type PeerInfo,
  type PrivateKey,
} from '@libp2p/interface'
import { createLibp2p } from 'libp2p'
import { DIAL_TIMEOUT_MS } from './dial-target.ts'
import { MAX_PARALLEL_DIALS } from './dialer.ts'
import type { Gossip } from './gossip.ts'
import { STREAM_WINDOW_BYTES } from './peer-stream.ts'

/** Connections that a node holds at most: a large cluster, fully connected, some pairs twice. */
const MAX_CONNECTIONS = 1024

/** Connections that may be in their handshake at once: all nodes of a cluster may start together. */
const MAX_PENDING_CONNECTIONS = 256

/** How long one address of a peer may take: the first ones may lead nowhere. */
const ADDRESS_DIAL_TIMEOUT_MS = 2_000

/** The service name by which nodes find each other on a LAN; libp2p's own would find strangers only. */
const MDNS_SERVICE = '_layermesh._udp.local'

/** How connections can be encrypted. */
export type Encryption = 'tls' | 'noise'

const ENCRYPTERS = { tls, noise }

/** What the libp2p node is made of. */
export interface Libp2pNodeInit {
  readonly privateKey: PrivateKey
  readonly listen: readonly string[]
  /** Connections that one remote address may open in a second. */
  readonly inboundConnectionsPerSecond: number
  /** What is offered and accepted, the best first: the dialler's first choice that the listener knows is taken. */
  readonly encryption: readonly Encryption[]
  readonly connectionGater: ConnectionGater
  readonly gossip: Gossip
  /** Called for each node that is found on the LAN; undefined turns mDNS off. */
  readonly onDiscovered: ((found: PeerInfo) => void) | undefined
}

/** Creates the libp2p node, which is not started yet. */
export function createLibp2pNode(init: Libp2pNodeInit): Promise<Libp2p> {
  const { onDiscovered } = init
  return createLibp2p({
    start: false,
    privateKey: init.privateKey,
    addresses: { listen: [...init.listen] },
    transports: [tcp()],
    connectionEncrypters: init.encryption.map((name) => ENCRYPTERS[name]()),
    streamMuxers: [
      yamux({
        streamOptions: {
          initialStreamWindowSize: STREAM_WINDOW_BYTES,
          maxStreamWindowSize: STREAM_WINDOW_BYTES,
        },
      }),
    ],
    connectionManager: {
      maxConnections: MAX_CONNECTIONS,
      maxIncomingPendingConnections: MAX_PENDING_CONNECTIONS,
      inboundConnectionThreshold: init.inboundConnectionsPerSecond,
      maxParallelDials: MAX_PARALLEL_DIALS,
      dialTimeout: DIAL_TIMEOUT_MS,
      addressDialTimeout: ADDRESS_DIAL_TIMEOUT_MS,
      // Redialling is the dialer's.
      reconnectRetries: 0,
    },
    // Heartbeats watch connections.
    connectionMonitor: { enabled: false },
    connectionGater: init.connectionGater,
    peerDiscovery:
      onDiscovered === undefined
        ? []
        : [
            (components) => {
              const discovery = mdns({ serviceTag: MDNS_SERVICE })(components)
              discovery.addEventListener('peer', ({ detail }) => onDiscovered(detail))
              return discovery
            },
          ],
    services: {
      gossip: init.gossip.createService,
      // gossipsub insists on identify, to hear of peers. It hears of them from Gossip, and identify would tell our
      // addresses to strangers.
      members: () => ({ [serviceCapabilities]: ['@libp2p/identify'] }),
    },
  })
}
