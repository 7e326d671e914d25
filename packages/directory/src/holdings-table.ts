import type { Digest, HoldingsSummary, PeerId } from '@layermesh/interface'

/** A digest and the size of its blob in bytes. */
export type Holding = readonly [digest: Digest, sizeBytes: number]

const NOTHING: HoldingsSummary = { blobs: 0, bytes: 0 }

/** Who holds what. Knows nothing of how we came to know it. */
export class HoldingsTable {
  readonly #sizes = new Map<PeerId, Map<Digest, number>>()
  readonly #bytes = new Map<PeerId, number>()
  readonly #holders = new Map<Digest, Set<PeerId>>()
  #pairs = 0

  /** How many pairs of a digest and a holder there are. */
  get pairs(): number {
    return this.#pairs
  }

  /** Who holds `digest`, in no order. */
  holders(digest: Digest): readonly PeerId[] {
    return [...(this.#holders.get(digest) ?? [])]
  }

  /** What `peer` holds, in numbers. */
  summaryOf(peer: PeerId): HoldingsSummary {
    const sizes = this.#sizes.get(peer)
    return sizes === undefined ? NOTHING : { blobs: sizes.size, bytes: this.#bytes.get(peer) ?? 0 }
  }

  /** Adds a holding, or corrects its size. */
  add(peer: PeerId, [digest, sizeBytes]: Holding): void {
    this.remove(peer, digest)
    const sizes = this.#sizes.get(peer) ?? new Map<Digest, number>()
    this.#sizes.set(peer, sizes.set(digest, sizeBytes))
    this.#bytes.set(peer, (this.#bytes.get(peer) ?? 0) + sizeBytes)
    const holders = this.#holders.get(digest) ?? new Set<PeerId>()
    this.#holders.set(digest, holders.add(peer))
    this.#pairs += 1
  }

  /** Removes a holding; says whether there was one. */
  remove(peer: PeerId, digest: Digest): boolean {
    const sizes = this.#sizes.get(peer)
    const sizeBytes = sizes?.get(digest)
    if (sizes === undefined || sizeBytes === undefined) return false
    sizes.delete(digest)
    this.#bytes.set(peer, (this.#bytes.get(peer) ?? 0) - sizeBytes)
    const holders = this.#holders.get(digest)
    holders?.delete(peer)
    if (holders?.size === 0) this.#holders.delete(digest)
    this.#pairs -= 1
    return true
  }

  /** Removes all that `peer` holds. */
  clear(peer: PeerId): void {
    for (const digest of [...(this.#sizes.get(peer)?.keys() ?? [])]) this.remove(peer, digest)
    this.#sizes.delete(peer)
    this.#bytes.delete(peer)
  }

  /** Replaces all that `peer` holds. */
  replace(peer: PeerId, holdings: Iterable<Holding>): void {
    this.clear(peer)
    for (const holding of holdings) this.add(peer, holding)
  }
}
