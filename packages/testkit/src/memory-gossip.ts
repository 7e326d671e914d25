import type { PeerId } from '@layermesh/interface'

/** Probabilities, 0 to 1, with which a message on its way to one member meets a fault. */
export interface GossipFaults {
  /** It never arrives. */
  readonly drop: number
  /** It arrives twice. */
  readonly duplicate: number
  /** It arrives only after the next message of the same author to the same member. */
  readonly reorder: number
}

/** Gossip that is as unreliable as a test wants it. */
export class MemoryGossip {
  readonly #random: () => number
  readonly #heldBack = new Map<string, (() => void)[]>()
  #faults: GossipFaults = { drop: 0, duplicate: 0, reorder: 0 }

  constructor(random: () => number) {
    this.#random = random
  }

  setFaults(faults: Partial<GossipFaults>): void {
    this.#faults = { drop: 0, duplicate: 0, reorder: 0, ...faults }
  }

  /** Takes one message on its way: calls `deliver` as often and as late as the faults will have it, never at once. */
  carry(from: PeerId, to: PeerId, deliver: () => void): void {
    if (this.#random() < this.#faults.drop) return
    const times = this.#random() < this.#faults.duplicate ? 2 : 1
    const deliveries = Array.from({ length: times }, () => deliver)
    const link = `${from} ${to}`
    const late = this.#heldBack.get(link) ?? []
    if (this.#random() < this.#faults.reorder) {
      this.#heldBack.set(link, [...late, ...deliveries])
      return
    }
    this.#heldBack.delete(link)
    for (const each of [...deliveries, ...late]) queueMicrotask(each)
  }
}
