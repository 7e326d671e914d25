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
export { encodeBeat, type BeatMessage } from './beat-message.ts'
export { GOSSIP_DEGREE, GOSSIP_HINTS } from './gossip.ts'
export type { Encryption } from './libp2p-node.ts'
export { identityPath } from './identity.ts'
export type { Libp2pPeerNetwork } from './libp2p-peer-network.ts'
export {
  BEAT_INTERVAL_MS,
  GONE_AFTER_MS,
  MembershipView,
  SUSPECT_AFTER_MS,
  TICK_INTERVAL_MS,
  type AdmittedPeer,
  type Beat,
  type MembershipEvent,
} from './membership-view.ts'
