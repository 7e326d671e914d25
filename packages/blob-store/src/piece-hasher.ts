import { createHash, type Hash } from 'node:crypto'
import type { Digest } from '@layermesh/interface'
import { digestAlgorithm, parseDigest } from '@layermesh/oci'
import type { PieceGrid } from './piece-grid.ts'

/** Whether the hash of the only piece of a blob is its digest as well, so that its bytes need not be hashed twice. */
export function isOnePieceDigest(digest: Digest, grid: PieceGrid): boolean {
  return grid.count === 1 && digestAlgorithm(digest) === 'sha256'
}

/** The SHA-256 of each piece, made while its bytes come in. */
export class PieceHasher {
  readonly #grid: PieceGrid
  readonly #begun = new Map<number, Hash>()
  readonly #hashes: (Uint8Array | undefined)[] = []

  constructor(grid: PieceGrid) {
    this.#grid = grid
  }

  /** Adds `bytes` at `offset`; each piece gets its bytes in order. */
  update(offset: number, bytes: Uint8Array): void {
    for (const { index, start, end } of this.#grid.slices({ start: offset, end: offset + bytes.length })) {
      const hash = this.#begun.get(index) ?? createHash('sha256')
      hash.update(bytes.subarray(start - offset, end - offset))
      if (end === this.#grid.endOf(index)) {
        this.#begun.delete(index)
        this.#hashes[index] = new Uint8Array(hash.digest())
      } else {
        this.#begun.set(index, hash)
      }
    }
  }

  /** Takes over the hash of a piece that was complete before. */
  restore(index: number, hash: Uint8Array): void {
    this.#hashes[index] = hash
  }

  /** The hash of piece `index`, or undefined while bytes of it are missing. */
  get(index: number): Uint8Array | undefined {
    return this.#hashes[index]
  }

  /** The digest of a blob of one piece, all of which has been added; see {@link isOnePieceDigest}. */
  onePieceDigest(): Digest {
    const [hash] = this.all()
    return parseDigest(`sha256:${Buffer.from(hash ?? []).toString('hex')}`)
  }

  /** The hashes of all pieces in order. Throws when one is missing. */
  all(): readonly Uint8Array[] {
    return Array.from({ length: this.#grid.count }, (_, index) => {
      const hash = this.#hashes[index]
      if (hash === undefined) throw new Error(`piece ${index} is not complete`)
      return hash
    })
  }
}
