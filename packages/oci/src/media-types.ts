// Docker's schema 1 is not among them: current runtimes refuse it, so it is neither asked for nor served.

/** An index (image-spec 1.1, image-index.md). */
export const OCI_INDEX = 'application/vnd.oci.image.index.v1+json'
/** A manifest of one image (image-spec 1.1, manifest.md). */
export const OCI_MANIFEST = 'application/vnd.oci.image.manifest.v1+json'
/** An index (Docker image manifest, version 2, schema 2). */
export const DOCKER_MANIFEST_LIST = 'application/vnd.docker.distribution.manifest.list.v2+json'
/** A manifest of one image (Docker image manifest, version 2, schema 2). */
export const DOCKER_MANIFEST = 'application/vnd.docker.distribution.manifest.v2+json'

/** The manifest types that upstreams are asked for. */
export const MANIFEST_MEDIA_TYPES: readonly string[] = [
  OCI_INDEX,
  OCI_MANIFEST,
  DOCKER_MANIFEST_LIST,
  DOCKER_MANIFEST,
]

/** The `Accept` value of each manifest request that goes upstream; without it Docker Hub answers with schema 1. */
export const MANIFEST_ACCEPT = MANIFEST_MEDIA_TYPES.join(', ')

/** Whether a manifest of this type lists other manifests. */
export function isIndexMediaType(mediaType: string): boolean {
  return mediaType === OCI_INDEX || mediaType === DOCKER_MANIFEST_LIST
}

/** Whether a manifest of this type stands for one image: it has a config and layers. */
export function isImageMediaType(mediaType: string): boolean {
  return mediaType === OCI_MANIFEST || mediaType === DOCKER_MANIFEST
}
