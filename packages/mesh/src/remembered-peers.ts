import type { Clock, Log, Member, PeerId, PeerStore } from '@layermesh/interface'

/** How often it is noted that a member is still there, in milliseconds. */
export const REFRESH_INTERVAL_MS = 5 * 60_000

/**
 * Peers that are dialled at the start because they are remembered, at most: one that is reached introduces the others,
 * and those that are gone for good must not be all that is dialled.
 */
export const MAX_RECALLED = 256

/** Collaborators of {@link RememberedPeers}. */
export interface RememberedPeersDeps {
  readonly clock: Clock
  readonly log: Log
  readonly store: PeerStore
  /** Takes note of where a peer may be reached. */
  readonly learn: (peer: PeerId, addresses: readonly string[]) => void
}

/** A store that keeps nothing, for a network that has none. */
export const FORGETFUL_PEER_STORE: PeerStore = {
  async put() {},
  async remove() {},
  list: () => Promise.resolve([]),
}

/**
 * Remembers members across restarts, and has them dialled at the start. It is a convenience: what the store refuses
 * is logged and forgotten.
 */
export class RememberedPeers {
  readonly #deps: RememberedPeersDeps
  /** When each member that is there now was last written down, in milliseconds of the monotonic clock. */
  readonly #notedMs = new Map<PeerId, number>()
  readonly #writes = new Set<Promise<void>>()

  constructor(deps: RememberedPeersDeps) {
    this.#deps = deps
  }

  /** Tells whom to dial: those seen last. */
  async recall(): Promise<void> {
    const { log, store, learn } = this.#deps
    try {
      const records = await store.list()
      const recalled = records.toSorted((a, b) => b.lastSeenAtMs - a.lastSeenAtMs).slice(0, MAX_RECALLED)
      for (const { peer, addresses } of recalled) learn(peer, addresses)
    } catch (error) {
      log.debug({ err: error }, 'peers not recalled')
    }
  }

  joined(member: Member): void {
    this.#note(member)
  }

  /** A member has given a sign of life. */
  seen(member: Member): void {
    const notedMs = this.#notedMs.get(member.peer) ?? -Infinity
    if (this.#deps.clock.monotonicMs() - notedMs >= REFRESH_INTERVAL_MS) this.#note(member)
  }

  left({ peer }: Member): void {
    this.#notedMs.delete(peer)
  }

  banned(peer: PeerId): void {
    this.#write(peer, (store) => store.remove(peer))
  }

  /** Notes who is still there when this node leaves; resolves when everything is written. */
  async stop(members: readonly Member[]): Promise<void> {
    for (const member of members) this.#note(member)
    await Promise.all(this.#writes)
  }

  #note({ peer, addresses }: Member): void {
    // It can't be dialled; what was known of it may be better.
    if (addresses.length === 0) return
    const { clock } = this.#deps
    this.#notedMs.set(peer, clock.monotonicMs())
    this.#write(peer, (store) => store.put({ peer, addresses, lastSeenAtMs: clock.now() }))
  }

  #write(peer: PeerId, write: (store: PeerStore) => Promise<void>): void {
    const { log, store } = this.#deps
    const written = write(store)
      .catch((error: unknown) => log.debug({ peer, err: error }, 'peer not remembered'))
      .finally(() => this.#writes.delete(written))
    this.#writes.add(written)
  }
}
