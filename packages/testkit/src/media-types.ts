import { DOCKER_MANIFEST, DOCKER_MANIFEST_LIST, OCI_INDEX, OCI_MANIFEST } from '@layermesh/oci'

/** How manifests are written: as OCI image-spec 1.1 says, or as Docker's "schema 2", which came before it. */
export type ImageFormat = 'oci' | 'docker'

/** How a layer's tar is stored. */
export type LayerCompression = 'gzip' | 'zstd' | 'none'

interface MediaTypes {
  readonly manifest: string
  readonly index: string
  readonly config: string
  readonly layer: Readonly<Record<LayerCompression, string>>
}

/**
 * The media types of each format (image-spec 1.1, media-types.md; Docker Image Manifest V2, Schema 2). Docker's has none for zstd; this one is
 * containerd's.
 */
export const MEDIA_TYPES: Readonly<Record<ImageFormat, MediaTypes>> = {
  oci: {
    manifest: OCI_MANIFEST,
    index: OCI_INDEX,
    config: 'application/vnd.oci.image.config.v1+json',
    layer: {
      gzip: 'application/vnd.oci.image.layer.v1.tar+gzip',
      zstd: 'application/vnd.oci.image.layer.v1.tar+zstd',
      none: 'application/vnd.oci.image.layer.v1.tar',
    },
  },
  docker: {
    manifest: DOCKER_MANIFEST,
    index: DOCKER_MANIFEST_LIST,
    config: 'application/vnd.docker.container.image.v1+json',
    layer: {
      gzip: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
      zstd: 'application/vnd.docker.image.rootfs.diff.tar.zstd',
      none: 'application/vnd.docker.image.rootfs.diff.tar',
    },
  },
}
