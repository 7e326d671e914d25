import type { Digest } from '@layermesh/interface'
import { digestOf } from '@layermesh/oci'

/** Blobs that nodes in turn commit, at a steady pace; some of them are watched by all nodes. */
export interface BlobRound {
  /** Tells the blobs of one round from those of others. */
  readonly name: string
  /** When the first one is due, by the clock that all processes share, in milliseconds. */
  readonly beginMs: number
  readonly everyMs: number
  readonly count: number
  /** One in so many is watched. */
  readonly watchEvery: number
}

/** When a blob is due. */
export function dueMs({ beginMs, everyMs }: BlobRound, blob: number): number {
  return beginMs + blob * everyMs
}

/** The digest of a blob. */
export function digestIn({ name }: BlobRound, blob: number): Digest {
  return digestOf(Buffer.from(`${name} ${blob}`))
}

/** The blobs that a node commits, of so many nodes. */
export function blobsOf({ count }: BlobRound, node: number, nodes: number): number[] {
  return Array.from({ length: count }, (_, blob) => blob).filter((blob) => blob % nodes === node)
}

/** The blobs that are watched. */
export function watchedBlobs({ count, watchEvery }: BlobRound): number[] {
  return Array.from({ length: Math.ceil(count / watchEvery) }, (_, index) => index * watchEvery)
}
