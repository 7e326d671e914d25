import type { Digest } from '@layermesh/interface'

/** What a blob is within an image. */
export type BlobRole = 'manifest' | 'config' | 'layer'

export interface TraceBlob {
  readonly digest: Digest
  readonly sizeBytes: number
  readonly role: BlobRole
}

/** One image: the indices of its blobs in {@link Trace.blobs}; its manifest first, then its config, then its layers. */
export type TraceImage = readonly number[]

/** A node pulls an image. */
export interface Pull {
  readonly atMs: number
  /** Index of the node. */
  readonly node: number
  readonly image: TraceImage
}

/** Who pulls what and when. */
export interface Trace {
  readonly blobs: readonly TraceBlob[]
  /** In the order of time. */
  readonly pulls: readonly Pull[]
  /** Size of all that is ever pulled, each blob once. */
  readonly uniqueBytes: number
}
