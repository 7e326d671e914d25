import type { ImageStatus, PinStatus, PurgeReport } from '@layermesh/interface'

const MIB = 2 ** 20

/** Two images, in the order of the daemon. */
export const IMAGES: readonly ImageStatus[] = [
  {
    upstream: 'docker.io',
    repository: 'library/nginx',
    tags: ['1.27', 'latest'],
    digest: `sha256:${'0123456789abcdef'.repeat(4)}`,
    mediaType: 'application/vnd.oci.image.index.v1+json',
    platforms: ['linux/amd64', 'linux/arm64/v8'],
    sizeBytes: 120 * MIB,
    ownBytes: 1.5 * MIB,
    complete: true,
    pinned: true,
    lastUsedAt: '2026-01-01T09:00:00.000Z',
    holders: { site: 3, region: 1, world: 0 },
  },
  {
    upstream: 'ghcr.io',
    repository: 'org/app',
    tags: [],
    digest: `sha256:${'f'.repeat(64)}`,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    platforms: [],
    sizeBytes: 700,
    ownBytes: 0,
    complete: false,
    pinned: false,
    lastUsedAt: '2025-12-25T12:00:00.000Z',
    holders: { site: 0, region: 0, world: 0 },
  },
]

/** A pin of an image that is here. */
export const PIN: PinStatus = {
  image: 'docker.io/library/nginx:1.27',
  pinnedAt: '2026-01-01T11:00:00.000Z',
  digest: `sha256:${'0123456789abcdef'.repeat(4)}`,
  blobs: 12,
  bytes: 120 * MIB,
}

/** A pin of an image that isn't. */
export const WAITING_PIN: PinStatus = {
  image: 'ghcr.io/org/app:2',
  pinnedAt: '2026-01-01T11:59:30.000Z',
  digest: null,
  blobs: 0,
  bytes: 0,
}

/** A purge of one image that shares blobs with others. */
export const REPORT: PurgeReport = {
  dryRun: false,
  images: ['docker.io/library/nginx:1.26'],
  blobs: 5,
  bytes: 3 * MIB,
  kept: { pinnedImages: ['docker.io/library/nginx:1.27'], sharedBlobs: 1, sharedBytes: MIB },
}
