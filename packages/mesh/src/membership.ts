import { isDeepStrictEqual } from 'node:util'
import {
  linkClassOf,
  type Locality,
  type Log,
  type Member,
  type MembershipListener,
  type PeerId,
  type Unsubscribe,
} from '@layermesh/interface'
import type { Connection } from '@libp2p/interface'
import type { Newcomer } from './admission.ts'

interface Entry {
  readonly said: Newcomer
  roundTripMs: number | undefined
  /** The connections over which the peer was admitted, the oldest first. */
  readonly connections: Set<Connection>
}

/** The peer at the other end of a connection, as the transport has authenticated it. */
export function remotePeerOf(connection: Connection): PeerId {
  return connection.remotePeer.toString() as PeerId
}

/** The members that this node has an admitted connection to. A member leaves with its last connection. */
export class Membership {
  readonly #log: Log
  readonly #here: Locality
  readonly #entries = new Map<PeerId, Entry>()
  readonly #registrations = new Set<{ readonly listener: MembershipListener }>()

  constructor(log: Log, here: Locality) {
    this.#log = log
    this.#here = here
  }

  get size(): number {
    return this.#entries.size
  }

  has(peer: PeerId): boolean {
    return this.#entries.has(peer)
  }

  get(peer: PeerId): Member | undefined {
    const entry = this.#entries.get(peer)
    return entry && this.#memberOf(peer, entry)
  }

  list(): readonly Member[] {
    return [...this.#entries].map(([peer, entry]) => this.#memberOf(peer, entry))
  }

  /** The newest connection to a member: an older one may be dead without knowing it. */
  connectionTo(peer: PeerId): Connection | undefined {
    return [...(this.#entries.get(peer)?.connections ?? [])].findLast(({ status }) => status === 'open')
  }

  /** Adds an admitted connection, and with the first one the member. */
  add(connection: Connection, said: Newcomer): void {
    const peer = remotePeerOf(connection)
    const known = this.#entries.get(peer)
    if (known !== undefined && isDeepStrictEqual(known.said, said)) {
      known.connections.add(connection)
      return
    }
    // A peer that says other things of itself has been restarted or moved, so its earlier connections are dead.
    for (const dead of [...(known?.connections ?? [])]) {
      this.remove(dead)
      dead.abort(new Error('the peer has been restarted'))
    }
    const entry = { said, roundTripMs: undefined, connections: new Set([connection]) }
    this.#entries.set(peer, entry)
    this.#tell((listener) => listener.joined?.(this.#memberOf(peer, entry)))
  }

  /** Removes a connection that is gone, and with the last one the member. Does nothing when it wasn't admitted. */
  remove(connection: Connection): void {
    const peer = remotePeerOf(connection)
    const entry = this.#entries.get(peer)
    if (entry === undefined || !entry.connections.delete(connection) || entry.connections.size > 0) return
    this.#entries.delete(peer)
    this.#tell((listener) => listener.left?.(this.#memberOf(peer, entry)))
  }

  measured(peer: PeerId, roundTripMs: number): void {
    const entry = this.#entries.get(peer)
    if (entry !== undefined) entry.roundTripMs = roundTripMs
  }

  onChange(listener: MembershipListener): Unsubscribe {
    const registration = { listener }
    this.#registrations.add(registration)
    return () => this.#registrations.delete(registration)
  }

  #memberOf(peer: PeerId, { said: { facts, addresses }, roundTripMs }: Entry): Member {
    return { peer, ...facts, link: linkClassOf(this.#here, facts.locality), addresses, roundTripMs }
  }

  #tell(event: (listener: MembershipListener) => void): void {
    for (const { listener } of [...this.#registrations]) {
      try {
        event(listener)
      } catch (error) {
        this.#log.error({ err: error }, 'membership listener failed')
      }
    }
  }
}
