import type { PeerId } from './peer-network.ts'

/** Where a member of the cluster was last reached. */
export interface PeerRecord {
  readonly peer: PeerId
  /** Multiaddrs. */
  readonly addresses: readonly string[]
  /** Unix time in milliseconds at which it was last known to be a member. */
  readonly lastSeenAtMs: number
}

/** Members that are remembered across restarts, so that a node finds back to its cluster when no bootstrap node is there. */
export interface PeerStore {
  /** Adds or replaces what is known of a peer. Only some peers are kept: those seen last. */
  put(record: PeerRecord): Promise<void>
  /** Drops what is known of a peer. */
  remove(peer: PeerId): Promise<void>
  /** Every peer that is remembered, in no order. */
  list(): Promise<readonly PeerRecord[]>
}
