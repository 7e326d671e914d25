import type { BlobHandle } from './blob-store.ts'
import type { Access, ContentRef, Descriptor, TagRef } from './content.ts'
import type { ByteSource } from './locality.ts'

/** What a tag points to now, and how we know. */
export interface ResolvedTag extends Descriptor {
  /** True when upstream could not be asked and the last known record is being used. */
  readonly stale: boolean
  /** With which access upstream said so. @default anonymous */
  readonly access?: Access | undefined
  /** Where the answer came from: `cache` for a record within its window or stale, a link class for a peer's record. */
  readonly source: ByteSource
}

/** A manifest, verified. */
export interface FetchedManifest extends Descriptor {
  readonly bytes: Uint8Array
  readonly source: ByteSource
}

/** A blob that is ready to be read; dispose of it. */
export interface FetchedBlob extends BlobHandle {
  readonly source: ByteSource
}

/** A blob's size, and where we know it from. */
export interface BlobFacts {
  readonly sizeBytes: number
  readonly source: ByteSource
}

/** Options of each call: `signal` ends the waiting of this caller, never a fill that others may want. */
export interface FetchOptions {
  readonly signal?: AbortSignal
}

/** Options of opening a blob. */
export interface OpenBlobOptions extends FetchOptions {
  /** Whether only what is on this node's disk, whole, is of use; nobody is asked then. @default false */
  readonly heldOnly?: boolean
}

/**
 * Content by reference, from wherever it is, for who may have it: what upstream has not confirmed for the repository with the
 * access of the reference is not given, also if it is here. Throws ERR_CONTENT_UNAVAILABLE, with the true cause, when no source
 * could give it, and ERR_UPSTREAM_NOT_FOUND, ERR_UPSTREAM_DENIED or ERR_UPSTREAM_RATE_LIMITED as upstream said.
 */
export interface ContentFetcher {
  resolveTag(ref: TagRef, options?: FetchOptions): Promise<ResolvedTag>
  getManifest(ref: ContentRef, options?: FetchOptions): Promise<FetchedManifest>
  statBlob(ref: ContentRef, options?: FetchOptions): Promise<BlobFacts>
  /** Resolves once the blob's size and a first source are known, so that a reply can be begun honestly. */
  openBlob(ref: ContentRef, options?: OpenBlobOptions): Promise<FetchedBlob>
}
