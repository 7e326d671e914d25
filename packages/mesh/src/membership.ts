import type { Departure, Log, Member, MembershipListener, PeerId, Unsubscribe } from '@layermesh/interface'
import type { Connection } from '@libp2p/interface'
import type { AdmittedPeer, Beat, MembershipEvent, MembershipView } from './membership-view.ts'

/** The peer at the other end of a connection, as the transport has authenticated it. */
export function remotePeerOf(connection: Connection): PeerId {
  return connection.remotePeer.toString() as PeerId
}

/**
 * The members that this node has an admitted connection to: connections are what keeps a {@link MembershipView} up to
 * date, and a member leaves with its last one.
 */
export class Membership {
  readonly #log: Log
  readonly #view: MembershipView
  /** The connections over which each member was admitted, the oldest first. */
  readonly #connections = new Map<PeerId, Set<Connection>>()
  readonly #registrations = new Set<{ readonly listener: MembershipListener }>()

  constructor(log: Log, view: MembershipView) {
    this.#log = log
    this.#view = view
  }

  get size(): number {
    return this.#view.size
  }

  has(peer: PeerId): boolean {
    return this.#view.has(peer)
  }

  get(peer: PeerId): Member | undefined {
    return this.#view.get(peer)
  }

  list(): readonly Member[] {
    return this.#view.list()
  }

  /** The newest connection to a member: an older one may be dead without knowing it. */
  connectionTo(peer: PeerId): Connection | undefined {
    return [...(this.#connections.get(peer) ?? [])].findLast(({ status }) => status === 'open')
  }

  /** Adds an admitted connection, and with the first one the member. */
  add(connection: Connection, said: AdmittedPeer): void {
    const peer = remotePeerOf(connection)
    const known = this.#connections.get(peer)
    const events = this.#view.admit(peer, said)
    const restarted = events.some(({ kind }) => kind === 'left')
    if (known !== undefined && !restarted) known.add(connection)
    else this.#connections.set(peer, new Set([connection]))
    this.#tell(events)
    // A peer that says other things of itself has been restarted or moved, so its earlier connections are dead.
    if (restarted) cut(known, 'the peer has been restarted')
  }

  /** Removes a connection that is gone, and with the last one the member. Does nothing when it wasn't admitted. */
  remove(connection: Connection): void {
    const peer = remotePeerOf(connection)
    const connections = this.#connections.get(peer)
    if (!connections?.delete(connection) || connections.size > 0) return
    this.#end(peer, 'lost')
  }

  /** A member has said that it leaves. */
  leave(peer: PeerId): void {
    this.#end(peer, 'leaving')
  }

  /** There was a sign of life of a member. */
  heard(peer: PeerId): void {
    this.#tell(this.#view.heard(peer))
  }

  /** A heartbeat of a member has come. */
  beat(peer: PeerId, beat: Beat): void {
    this.#tell(this.#view.beat(peer, beat))
  }

  measured(peer: PeerId, roundTripMs: number): void {
    this.#view.measured(peer, roundTripMs)
  }

  /** Looks who is silent, and cuts off those that are gone. */
  tick(nowMs: number): void {
    const events = this.#view.tick(nowMs)
    const gone = events.flatMap((event) => (event.kind === 'left' ? [event.member.peer] : []))
    const dead = gone.map((peer) => this.#connections.get(peer))
    for (const peer of gone) this.#connections.delete(peer)
    this.#tell(events)
    for (const connections of dead) cut(connections, 'the peer is silent')
  }

  onChange(listener: MembershipListener): Unsubscribe {
    const registration = { listener }
    this.#registrations.add(registration)
    return () => this.#registrations.delete(registration)
  }

  #end(peer: PeerId, reason: Departure): void {
    this.#connections.delete(peer)
    this.#tell(this.#view.leave(peer, reason))
  }

  #tell(events: readonly MembershipEvent[]): void {
    for (const event of events) {
      for (const { listener } of [...this.#registrations]) {
        try {
          tell(listener, event)
        } catch (error) {
          this.#log.error({ err: error }, 'membership listener failed')
        }
      }
    }
  }
}

function tell(listener: MembershipListener, event: MembershipEvent): void {
  switch (event.kind) {
    case 'left':
      return listener.left?.(event.member, event.reason)
    case 'fingerprint':
      return listener.fingerprint?.(event.member, event.fingerprint)
    default:
      return listener[event.kind]?.(event.member)
  }
}

function cut(connections: ReadonlySet<Connection> | undefined, reason: string): void {
  for (const connection of connections ?? []) connection.abort(new Error(reason))
}
