import type { Digest, LinkStore, PinStore, RemovalReason, TagStore } from '@layermesh/interface'
import type { BlobIndex } from './blob-index.ts'
import type { PausedFills } from './paused-fills.ts'
import { pinnedDigests } from './pinned-digests.ts'
import { planPurge, selectImages, type PurgePlan, type StoreSelection } from './purge-plan.ts'
import { bytesOf, heldBlobs, listStoredImages, type StoredImage } from './stored-images.ts'

/** Collaborators of {@link ImageCatalog}. */
export interface ImageCatalogDeps {
  readonly index: BlobIndex
  readonly links: LinkStore
  readonly tags: TagStore
  readonly pins: PinStore
  readonly paused: PausedFills
  readonly remove: (digest: Digest, reason: RemovalReason) => Promise<void>
}

/** The store as a person sees it: by image. */
export class ImageCatalog {
  readonly #deps: ImageCatalogDeps

  constructor(deps: ImageCatalogDeps) {
    this.#deps = deps
  }

  /** The images of which anything is held. */
  async list(): Promise<readonly StoredImage[]> {
    const { index, links, pins, tags } = this.#deps
    return listStoredImages({
      index,
      links: await Array.fromAsync(links.list()),
      tags: await Array.fromAsync(tags.list()),
      pins: pins.list(),
    })
  }

  /** What is held of an image, its manifest first. */
  heldBlobs(root: Digest): readonly Digest[] {
    return heldBlobs(root, this.#deps.index)
  }

  /** Bytes of those of the blobs that are held. */
  bytesOf(blobs: Iterable<Digest>): number {
    return bytesOf(blobs, this.#deps.index)
  }

  /** Every blob that a selection means, those that images share included. */
  async blobsOf(selection: StoreSelection): Promise<readonly Digest[]> {
    const { index } = this.#deps
    if (selection.kind === 'all') return [...index.digests()]
    return [...new Set(selectImages(await this.list(), selection).flatMap(({ blobs }) => blobs))]
  }

  /** What a purge would do now. */
  async plan(selection: StoreSelection): Promise<PurgePlan> {
    const { index, paused, pins, tags } = this.#deps
    const protectedBlobs = await pinnedDigests({ pins, tags, graph: index.graph })
    return planPurge(await this.list(), { index, paused, protectedBlobs }, selection)
  }

  /** Does what `plan` said: forgets the tags and links of the images, and removes the blobs and paused fills. */
  async purge({ images, blobs, pausedFills }: PurgePlan): Promise<void> {
    const { links, paused, remove, tags } = this.#deps
    for (const { upstream, repository, tags: names, blobs: parts } of images) {
      for (const tag of names) await tags.remove({ upstream, repository, tag })
      for (const digest of parts) {
        for (const kind of ['manifest', 'blob'] as const)
          await links.remove({ upstream, repository, kind, digest })
      }
    }
    for (const digest of blobs) await remove(digest, 'purged')
    for (const digest of pausedFills) await paused.drop(digest)
  }
}
