import { hash } from 'node:crypto'
import type { PeerId } from '@layermesh/interface'

/** 64 bits of the weight, in hexadecimal: more than enough to tell peers apart, and cheap to compare. */
const WEIGHT_CHARACTERS = 16

/**
 * Ranks peers for a key, which is a digest or the name of a tag, by rendezvous hashing, the highest weight first: every node that knows the same peers
 * gets the same order without talking to anybody, and a peer that goes only passes on what it was first for.
 */
export function rankByRendezvous(key: string, peers: readonly PeerId[]): PeerId[] {
  return new RendezvousOrder(key).rank(peers)
}

/** The order of one key, for those who need it again and again: it remembers the weights that it has made. */
export class RendezvousOrder {
  readonly #key: string
  readonly #known = new Map<PeerId, Weighted>()

  constructor(key: string) {
    this.#key = key
  }

  /** The same peers, the highest weight first. */
  rank(peers: readonly PeerId[]): PeerId[] {
    return peers
      .map((peer) => this.#weighted(peer))
      .sort(byRendezvous)
      .map(({ peer }) => peer)
  }

  #weighted(peer: PeerId): Weighted {
    const known = this.#known.get(peer)
    if (known !== undefined) return known
    const weighted = { peer, weight: rendezvousWeight(this.#key, peer) }
    this.#known.set(peer, weighted)
    return weighted
  }
}

/** A peer's weight for a key: the leading 64 bits of SHA-256(key ‖ 0 ‖ peer id), in hexadecimal. */
export function rendezvousWeight(key: string, peer: PeerId): string {
  return hash('sha256', `${key}\0${peer}`).slice(0, WEIGHT_CHARACTERS)
}

/** Orders by weight, the highest first; equal ones are ordered by peer id. */
export function byRendezvous(a: Weighted, b: Weighted): number {
  return compare(b.weight, a.weight) || compare(a.peer, b.peer)
}

/** A peer and its weight for some key. */
export interface Weighted {
  readonly peer: PeerId
  readonly weight: string
}

function compare(a: string, b: string): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}
