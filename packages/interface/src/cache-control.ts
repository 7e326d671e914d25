import type { CopyCounts } from './copy-counts.ts'

/** One image, as `GET /api/v1/images` and `layermesh images --json` show it. Sizes in bytes, times in ISO 8601. */
export interface ImageStatus {
  readonly upstream: string
  readonly repository: string
  /** Tags that point to it as far as this node knows, in alphabetical order; may be none. */
  readonly tags: readonly string[]
  /** Digest of its manifest or index. */
  readonly digest: string
  readonly mediaType: string
  /** Platforms of an index of which this node has everything, such as `linux/arm64/v8`; empty for an image without an index. */
  readonly platforms: readonly string[]
  /** Bytes of it that are on this node's disk. */
  readonly sizeBytes: number
  /** Those of them that no other image uses: what its purge would free. */
  readonly ownBytes: number
  /** Whether a client can pull it, on one platform at least, from this node alone. */
  readonly complete: boolean
  readonly pinned: boolean
  readonly lastUsedAt: string
  /** How many other nodes hold all that this node holds of it. */
  readonly holders: CopyCounts
}

/** A pin, as `GET /api/v1/pins` and `layermesh pin --json` show it. */
export interface PinStatus {
  /** `docker.io/library/nginx:1.27` or `docker.io/library/nginx@sha256:…`. */
  readonly image: string
  readonly pinnedAt: string
  /** Digest that the pin protects now; null while the image isn't here. */
  readonly digest: string | null
  /** What the pin protects now. */
  readonly blobs: number
  readonly bytes: number
}

/** What is to be purged or verified: exactly one of the members. */
export type CacheSelection =
  /** An image: `docker.io/library/nginx:1.27`, `…@sha256:…`. */
  | { readonly image: string }
  /** Every image of a repository: `docker.io/library/nginx`. */
  | { readonly repository: string }
  /** Every image of an upstream, by its host: `docker.io`. */
  | { readonly upstream: string }
  /** Every image and other blob that nobody has used for this long, in milliseconds. */
  | { readonly unusedForMs: number }
  /** All that is held. */
  | { readonly all: true }

/** What a purge has freed or, as a dry run, would free. */
export interface PurgeReport {
  readonly dryRun: boolean
  /** Images that are gone, as `name:tag` or `name@digest`. */
  readonly images: readonly string[]
  readonly blobs: number
  readonly bytes: number
  /** What was selected and stays: pinned images, and blobs that other images use. */
  readonly kept: {
    readonly pinnedImages: readonly string[]
    readonly sharedBlobs: number
    readonly sharedBytes: number
  }
}

/** How far a verification is; the last one has `done`. */
export interface VerifyProgress {
  readonly done: boolean
  readonly blobs: number
  readonly bytes: number
  /** All that is to be verified. */
  readonly totalBlobs: number
  readonly totalBytes: number
  /** Digests of blobs that were wrong: they are in quarantine, and are being fetched again. */
  readonly damaged: readonly string[]
}

/**
 * What a person can see and do of a node's cache. A selection or image that makes no sense is refused with
 * ERR_NAME_INVALID, ERR_TAG_INVALID, ERR_DIGEST_INVALID or ERR_UPSTREAM_UNKNOWN.
 */
export interface CacheControl {
  /** Images of which anything is held, by upstream, repository and tag. */
  images(): Promise<readonly ImageStatus[]>
  pins(): Promise<readonly PinStatus[]>
  /** Protects an image from eviction, now or as soon as it is here. Pins it once, however often it is called. */
  pin(image: string): Promise<PinStatus>
  /** Ends the protection; undefined when the image wasn't pinned. */
  unpin(image: string): Promise<PinStatus | undefined>
  purge(selection: CacheSelection, options: { readonly dryRun: boolean }): Promise<PurgeReport>
  /** Hashes what is selected, as fast as the disk gives it, and tells how far it is. */
  verify(selection: CacheSelection, options: { readonly signal: AbortSignal }): AsyncIterable<VerifyProgress>
}
