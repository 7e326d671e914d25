/**
 * The peer network on libp2p: identity, admission, discovery, membership, gossip and streams.
 *
 * @packageDocumentation
 */
export {
  createPeerNetwork,
  DEFAULT_HELLO_TIMEOUT_MS,
  type PeerNetworkDeps,
  type PeerNetworkInit,
} from './create-peer-network.ts'
export { identityPath } from './identity.ts'
export type { Libp2pPeerNetwork } from './libp2p-peer-network.ts'
