import { setImmediate } from 'node:timers/promises'
import type {
  GossipHandler,
  Member,
  MembershipListener,
  PeerId,
  PeerNetwork,
  PeerStream,
  PeerStreamHandler,
  Unsubscribe,
} from '@layermesh/interface'

/** What a node needs from the mesh that it is part of. */
export interface MemoryMeshLinks {
  openStream(from: PeerId, to: PeerId, protocol: string): PeerStream
  publish(from: PeerId, topic: string, message: Uint8Array): void
  ban(by: PeerId, peer: PeerId, durationMs: number): void
  leave(peer: PeerId): void
  beat(from: PeerId, fingerprint: Uint8Array): void
}

/** A node of a memory mesh, as the parts under test see it. */
export interface MemoryPeerNetwork extends PeerNetwork {
  /** Sends a heartbeat to all members, with the fingerprint if there is one; it arrives in a microtask. */
  beat(): void
  /** Leaves the mesh as a process does that dies: its streams are reset, the others see it go. Idempotent. */
  leave(): void
}

/** A node of a memory mesh, as the mesh sees it. */
export class MemoryNode implements MemoryPeerNetwork {
  readonly self: Member
  readonly authenticated: boolean
  /** Who leaves this mesh is not missed. */
  readonly isCutOff = false
  readonly #links: MemoryMeshLinks
  readonly #members = new Map<PeerId, Member>()
  readonly #listeners = new Set<MembershipListener>()
  readonly #handlers = new Map<string, PeerStreamHandler>()
  readonly #topics = new Map<string, Set<GossipHandler>>()
  #readFingerprint: (() => Uint8Array) | undefined

  constructor(self: Member, authenticated: boolean, links: MemoryMeshLinks) {
    this.self = self
    this.authenticated = authenticated
    this.#links = links
  }

  members(): readonly Member[] {
    return [...this.#members.values()]
  }

  search(): Promise<void> {
    return Promise.resolve()
  }

  async openStream(
    peer: PeerId,
    protocol: string,
    options?: { readonly signal?: AbortSignal },
  ): Promise<PeerStream> {
    options?.signal?.throwIfAborted()
    // The other side's answer takes a turn of the event loop, as it would over a socket.
    await setImmediate()
    options?.signal?.throwIfAborted()
    return this.#links.openStream(this.self.peer, peer, protocol)
  }

  handle(protocol: string, handler: PeerStreamHandler): Promise<void> {
    if (this.#handlers.has(protocol)) throw new Error(`${protocol} is handled already`)
    this.#handlers.set(protocol, handler)
    return Promise.resolve()
  }

  publish(topic: string, message: Uint8Array): Promise<void> {
    this.#links.publish(this.self.peer, topic, message)
    return Promise.resolve()
  }

  subscribe(topic: string, handler: GossipHandler): Unsubscribe {
    const handlers = this.#topics.get(topic) ?? new Set()
    this.#topics.set(topic, handlers.add(handler))
    return () => handlers.delete(handler)
  }

  onMembership(listener: MembershipListener): Unsubscribe {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  setFingerprint(read: () => Uint8Array): void {
    this.#readFingerprint = read
    this.beat()
  }

  beat(): void {
    const fingerprint = this.#readFingerprint?.()
    if (fingerprint !== undefined) this.#links.beat(this.self.peer, fingerprint)
  }

  ban(peer: PeerId, durationMs: number): void {
    this.#links.ban(this.self.peer, peer, durationMs)
  }

  leave(): void {
    this.#links.leave(this.self.peer)
  }

  /** Who serves `protocol` here. */
  handlerOf(protocol: string): PeerStreamHandler | undefined {
    return this.#handlers.get(protocol)
  }

  /** Hands a message that has arrived to whoever subscribed. */
  receiveGossip(from: PeerId, topic: string, message: Uint8Array): void {
    for (const handler of this.#topics.get(topic) ?? []) handler(from, message)
  }

  /** Hands on the fingerprint of a member's heartbeat. */
  receiveBeat(from: PeerId, fingerprint: Uint8Array): void {
    this.#tell((listener) => {
      const member = this.#members.get(from)
      if (member !== undefined) listener.fingerprint?.(member, fingerprint)
    })
  }

  /** Takes the members as they are now, and tells the listeners what is different. */
  updateMembers(members: readonly Member[]): void {
    const now = new Map(members.map((member) => [member.peer, member]))
    const left = [...this.#members.values()].filter((member) => !now.has(member.peer))
    const joined = members.filter((member) => !this.#members.has(member.peer))
    for (const member of left) {
      this.#members.delete(member.peer)
      this.#tell((listener) => listener.left?.(member, 'lost'))
    }
    for (const member of joined) {
      this.#members.set(member.peer, member)
      this.#tell((listener) => listener.joined?.(member))
    }
  }

  #tell(event: (listener: MembershipListener) => void): void {
    queueMicrotask(() => {
      for (const listener of this.#listeners) event(listener)
    })
  }
}
