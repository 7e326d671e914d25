import type { Digest } from './digest.ts'

/** The two endpoints of the distribution API that serve content by digest. */
export type ContentKind = 'manifest' | 'blob'

/**
 * As whom upstream is asked, and so who may have what it gives: `anonymous` is anybody, `login` those who may have what
 * this node's login can have.
 */
export type Access = 'anonymous' | 'login'

/** Whether what was had with `granted` may be given to who asks with `wanted`. */
export function coversAccess(granted: Access | undefined, wanted: Access | undefined): boolean {
  return granted !== 'login' || wanted === 'login'
}

/** A repository at an upstream: `docker.io` and `library/nginx`. */
export interface RepositoryRef {
  /** Canonical image host of the upstream, never an endpoint's URL. */
  readonly upstream: string
  /** `<name>` of the distribution-spec: the path between `/v2/` and `/manifests/`, upstream's own. */
  readonly repository: string
  /** As whom it is asked for; no part of where it is. @default anonymous */
  readonly access?: Access | undefined
  /** Caches that the request for it has come through, which upstream is told (RFC 8586); no part of where it is. @default none */
  readonly via?: readonly string[] | undefined
}

/** Content by digest, and where it may be asked for. */
export interface ContentRef extends RepositoryRef {
  readonly kind: ContentKind
  readonly digest: Digest
}

/** A tag of a repository. */
export interface TagRef extends RepositoryRef {
  readonly tag: string
}

/** What a manifest request yields: where it is, what it is, how long it is (image-spec 1.1, descriptor.md). */
export interface Descriptor {
  readonly digest: Digest
  readonly mediaType: string
  readonly sizeBytes: number
}
