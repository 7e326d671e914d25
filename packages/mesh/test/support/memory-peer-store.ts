import type { PeerId, PeerRecord, PeerStore } from '@layermesh/interface'

/** Peers in memory, for networks that come and go; what was done to it can be looked at. */
export class MemoryPeerStore implements PeerStore {
  readonly records = new Map<PeerId, PeerRecord>()
  readonly puts: PeerRecord[] = []

  async put(record: PeerRecord): Promise<void> {
    this.puts.push(record)
    this.records.set(record.peer, record)
  }

  async remove(peer: PeerId): Promise<void> {
    this.records.delete(peer)
  }

  async list(): Promise<readonly PeerRecord[]> {
    return [...this.records.values()]
  }
}

/** A store of a disk that fails. */
export const FAILING_PEER_STORE: PeerStore = {
  put: () => Promise.reject(new Error('the disk fails')),
  remove: () => Promise.reject(new Error('the disk fails')),
  list: () => Promise.reject(new Error('the disk fails')),
}
