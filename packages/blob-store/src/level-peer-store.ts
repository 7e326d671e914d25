import type { Clock, Log, PeerId, PeerRecord, PeerStore } from '@layermesh/interface'
import type { Level } from 'level'
import { KeyedQueue } from './keyed-queue.ts'
import { isText } from './stored-record.ts'
import { StoredRecords } from './stored-records.ts'

/** Peers that are remembered, at most. */
export const MAX_PEERS = 1000

/** How long a peer is remembered that isn't seen, in milliseconds. */
export const KEEP_PEERS_MS = 30 * 24 * 3_600_000

export interface LevelPeerStoreDeps {
  readonly log: Log
  readonly db: Level
  readonly clock: Clock
}

/** Members of the cluster in the store's LevelDB, and in memory. */
export class LevelPeerStore implements PeerStore {
  readonly #records: StoredRecords<PeerRecord>
  readonly #peers = new Map<PeerId, PeerRecord>()
  readonly #changes = new KeyedQueue<'peers'>()

  private constructor(deps: LevelPeerStoreDeps) {
    this.#records = new StoredRecords(deps, { name: 'peers', parse: parsePeer })
  }

  /** Reads the peers of an open database; forgets those that were not seen for {@link KEEP_PEERS_MS}. */
  static async load(deps: LevelPeerStoreDeps): Promise<LevelPeerStore> {
    const store = new LevelPeerStore(deps)
    const now = deps.clock.now()
    const forgotten: string[] = []
    for await (const [key, record] of store.#records.entries()) {
      if (record === undefined || record.lastSeenAtMs < now - KEEP_PEERS_MS) forgotten.push(key)
      // A clock that was wrong must not make a peer that is gone look like the newest for ever.
      else store.#peers.set(record.peer, { ...record, lastSeenAtMs: Math.min(record.lastSeenAtMs, now) })
    }
    try {
      await store.#records.write(...forgotten.map((key) => store.#records.removing(key)))
    } catch (error) {
      // A disk that is full is no reason not to start: the next one will forget them.
      deps.log.warn({ err: error }, 'old peer records not removed')
    }
    return store
  }

  async put({ peer, addresses, lastSeenAtMs }: PeerRecord): Promise<void> {
    await this.#changes.run('peers', async () => {
      this.#peers.set(peer, { peer, addresses: [...addresses], lastSeenAtMs })
      const surplus = this.#surplus()
      for (const { peer: forgotten } of surplus) this.#peers.delete(forgotten)
      await this.#records.write(
        this.#records.putting(peer, { addresses, lastSeenAtMs }),
        ...surplus.map(({ peer: forgotten }) => this.#records.removing(forgotten)),
      )
    })
  }

  async remove(peer: PeerId): Promise<void> {
    await this.#changes.run('peers', async () => {
      if (this.#peers.delete(peer)) await this.#records.write(this.#records.removing(peer))
    })
  }

  list(): Promise<readonly PeerRecord[]> {
    return Promise.resolve([...this.#peers.values()])
  }

  /** Those that are too many: seen the longest ago. */
  #surplus(): readonly PeerRecord[] {
    if (this.#peers.size <= MAX_PEERS) return []
    return [...this.#peers.values()].toSorted((a, b) => b.lastSeenAtMs - a.lastSeenAtMs).slice(MAX_PEERS)
  }
}

function parsePeer(key: string, fields: Readonly<Record<string, unknown>>): PeerRecord | undefined {
  const { addresses, lastSeenAtMs } = fields
  if (!isText(key) || !Array.isArray(addresses) || !addresses.every(isText)) return undefined
  return typeof lastSeenAtMs === 'number' ? { peer: key as PeerId, addresses, lastSeenAtMs } : undefined
}
