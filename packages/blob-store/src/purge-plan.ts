import type { Digest, ImageRef, RepositoryRef } from '@layermesh/interface'
import type { BlobIndex } from './blob-index.ts'
import type { PausedFills } from './paused-fills.ts'
import { bytesOf, type StoredImage } from './stored-images.ts'
import { lastUseOf } from './unused-blobs.ts'

/** What of the store is meant. */
export type StoreSelection =
  | { readonly kind: 'image'; readonly image: ImageRef }
  | { readonly kind: 'repository'; readonly repository: RepositoryRef }
  | { readonly kind: 'upstream'; readonly upstream: string }
  /** In store time. */
  | { readonly kind: 'unused'; readonly usedBeforeMs: number }
  | { readonly kind: 'all' }

/** What a purge would remove and what it would leave. */
export interface PurgePlan {
  readonly images: readonly StoredImage[]
  readonly blobs: readonly Digest[]
  /** Blobs of which there is a paused fill that goes: all of them, with everything. */
  readonly pausedFills: readonly Digest[]
  /** Of the blobs and the paused fills. */
  readonly bytes: number
  /** Images that were selected and are pinned. */
  readonly pinnedImages: readonly StoredImage[]
  /** Blobs of the images that go which others need. */
  readonly sharedBlobs: readonly Digest[]
  readonly sharedBytes: number
}

/** Picks the images that a selection means. */
export function selectImages(
  images: readonly StoredImage[],
  selection: StoreSelection,
): readonly StoredImage[] {
  return images.filter((image) => {
    switch (selection.kind) {
      case 'image':
        return isSame(image, selection.image) && isNamed(image, selection.image)
      case 'repository':
        return isSame(image, selection.repository)
      case 'upstream':
        return image.upstream === selection.upstream
      case 'unused':
        return image.lastUsedAtMs < selection.usedBeforeMs
      case 'all':
        return true
    }
  })
}

/** What a purge is planned from, beside the images. */
export interface PurgeFacts {
  readonly index: BlobIndex
  readonly paused: PausedFills
  /** What pins protect, be it known where it came from or not. */
  readonly protectedBlobs: ReadonlySet<Digest>
}

/**
 * Plans a purge: pinned images stay, and so does every blob that a pin or an image needs that isn't purged. Blobs that belong to
 * no image go with everything, and with what is unused.
 */
export function planPurge(
  images: readonly StoredImage[],
  { index, paused, protectedBlobs }: PurgeFacts,
  selection: StoreSelection,
): PurgePlan {
  const selected = selectImages(images, selection)
  const pinnedImages = selected.filter(({ pinned }) => pinned)
  const going = new Set(selected.filter(({ pinned }) => !pinned))
  const staying = images.filter((image) => !going.has(image)).flatMap(({ blobs }) => blobs)
  const needed = new Set([...staying, ...protectedBlobs])
  const offered = new Set([...going].flatMap(({ blobs }) => blobs))
  const owned = new Set(images.flatMap(({ blobs }) => blobs))
  for (const entry of index.entries()) {
    const { digest } = entry.stat
    if (owned.has(digest)) continue
    const isMeant =
      selection.kind === 'all' ||
      (selection.kind === 'unused' && lastUseOf(entry, index) < selection.usedBeforeMs)
    if (isMeant) offered.add(digest)
  }
  const blobs = [...offered.difference(needed)]
  const sharedBlobs = [...offered.intersection(needed)]
  const isAll = selection.kind === 'all'
  return {
    images: [...going],
    blobs,
    pausedFills: isAll ? Array.from(paused.list(), ({ digest }) => digest) : [],
    bytes: bytesOf(blobs, index) + (isAll ? paused.bytes : 0),
    pinnedImages,
    sharedBlobs,
    sharedBytes: bytesOf(sharedBlobs, index),
  }
}

function isSame(image: StoredImage, { upstream, repository }: RepositoryRef): boolean {
  return image.upstream === upstream && image.repository === repository
}

function isNamed(image: StoredImage, ref: ImageRef): boolean {
  return ref.tag === undefined ? image.digest === ref.digest : image.tags.includes(ref.tag)
}
