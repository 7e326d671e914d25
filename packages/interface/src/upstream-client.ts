import type { Access, ContentRef, Descriptor, RepositoryRef } from './content.ts'
import type { Digest } from './digest.ts'

/** Options of every call that goes upstream; a caller's deadline is part of its signal. */
export interface UpstreamOptions {
  readonly signal?: AbortSignal
}

/** How upstream let us in. */
export interface Admission {
  /** `login` if it wanted to see our login, whatever the request would have allowed. @default anonymous */
  readonly access?: Access | undefined
}

/** A manifest as upstream sent it, already checked against its digest. */
export interface UpstreamManifest extends Descriptor, Admission {
  readonly bytes: Uint8Array
}

/** A blob's answer: the caller must consume or `return()` the body. */
export interface UpstreamBlob extends Admission {
  /** Size of the whole blob, also when only its tail was asked for. */
  readonly sizeBytes: number
  /** The bytes from the offset that was asked for. Throws ERR_UPSTREAM_STALLED, ERR_UPSTREAM_TRUNCATED or ERR_UPSTREAM_UNREACHABLE; never yields more than the size. */
  readonly body: AsyncIterable<Uint8Array>
}

/**
 * Upstream registries by image host (distribution-spec 1.1, "Pull"). A login is used only for references whose `access` is
 * `login`. Each method throws
 * ERR_UPSTREAM_NOT_FOUND (404), ERR_UPSTREAM_DENIED (401, 403), ERR_UPSTREAM_RATE_LIMITED (429),
 * ERR_UPSTREAM_UNKNOWN (a host that isn't configured), ERR_UPSTREAM_UNREACHABLE (no connection, time-out, 5xx) or ERR_UPSTREAM_PROTOCOL (an answer that makes no sense).
 */
export interface UpstreamClient {
  /** HEAD of a manifest; undefined digest when upstream doesn't say it, and the caller must get the manifest. */
  headManifest(
    ref: RepositoryRef,
    reference: string,
    options?: UpstreamOptions,
  ): Promise<(Descriptor & Admission) | undefined>
  /** GET of a manifest by tag or digest; at most 4 MiB, verified when `reference` is a digest or upstream names one. */
  getManifest(ref: RepositoryRef, reference: string, options?: UpstreamOptions): Promise<UpstreamManifest>
  /** Size of a blob by HEAD. */
  headBlob(
    ref: RepositoryRef,
    digest: Digest,
    options?: UpstreamOptions,
  ): Promise<{ readonly sizeBytes: number } & Admission>
  /** GET of content by digest (a blob, or a manifest as bytes) from `offset` to its end. Not verified: the caller hashes. */
  getContent(ref: ContentRef, offset: number, options?: UpstreamOptions): Promise<UpstreamBlob>
}
