import type { Digest } from '@layermesh/interface'

/** The registry that all blobs come from at first. */
export class SimUpstream {
  /** Whether it answers. */
  isUp = true
  /** Share of requests that break off. */
  failures = 0
  #pieces = 0
  readonly #blobs = new Set<Digest>()

  /** How much it has given, by the blobs of which it has given anything. */
  get copies(): number {
    return this.#pieces / PIECES / Math.max(1, this.#blobs.size)
  }

  /** A piece of a blob. */
  give(digest: Digest, index: number): string {
    this.#blobs.add(digest)
    this.#pieces += 1
    return rightPiece(digest, index)
  }
}

/** How many pieces a blob has. */
export const PIECES = 4

/** The bytes of a piece, as far as they matter here. */
export function rightPiece(digest: Digest, index: number): string {
  return `${digest} ${index}`
}
