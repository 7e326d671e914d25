import type { Storage, StoredImage, StoreSelection } from '@layermesh/blob-store'
import {
  type CacheControl,
  type CacheSelection,
  type Clock,
  type Digest,
  type Directory,
  type ImageRef,
  type ImageStatus,
  type PeerNetwork,
  type PeerId,
  type Pin,
  type PinStatus,
  type PurgeReport,
  type VerifyProgress,
} from '@layermesh/interface'
import {
  formatImageName,
  parseImageName,
  parseImageRepository,
  requireUpstream,
  type UpstreamTable,
} from '@layermesh/oci'

import { copyCounts } from './copy-counter.ts'

/** Collaborators of {@link createCacheControl}. */
export interface CacheControlDeps {
  readonly clock: Clock
  readonly storage: Storage
  readonly directory: Directory
  readonly network: PeerNetwork
  readonly upstreams: UpstreamTable
}

/** What people see and do of a node's cache, put together from its store and from what it knows of its peers. */
export function createCacheControl(deps: CacheControlDeps): CacheControl {
  const { clock, storage, upstreams } = deps
  const { images, pins, tags } = storage

  async function pinStatus(pin: Pin): Promise<PinStatus> {
    const digest = pin.tag === undefined ? pin.digest : (await tags.find(pin))?.digest
    const blobs = digest === undefined ? [] : images.heldBlobs(digest)
    return {
      image: formatImageName(pin),
      pinnedAt: new Date(pin.pinnedAtMs).toISOString(),
      digest: blobs.length === 0 ? null : (digest ?? null),
      blobs: blobs.length,
      bytes: images.bytesOf(blobs),
    }
  }

  return {
    images: async () => (await images.list()).map((image) => imageStatus(image, deps)),
    pins: () => Promise.all(pins.list().map(pinStatus)),

    async pin(image) {
      const ref = parseImageName(image, upstreams)
      const pin = { ...ref, pinnedAtMs: clock.now() }
      await pins.put(pin)
      // Of a pin that was there already it is the first time that counts.
      return pinStatus(pins.list().find((each) => isSameImage(each, ref)) ?? pin)
    },

    async unpin(image) {
      const ref = parseImageName(image, upstreams)
      const pin = pins.list().find((each) => isSameImage(each, ref))
      if (pin === undefined) return undefined
      const status = await pinStatus(pin)
      return (await pins.remove(ref)) ? status : undefined
    },

    async purge(selection, { dryRun }): Promise<PurgeReport> {
      const plan = await images.plan(storeSelection(selection, deps))
      if (!dryRun) await images.purge(plan)
      return {
        dryRun,
        images: plan.images.flatMap(namesOf),
        blobs: plan.blobs.length,
        bytes: plan.bytes,
        kept: {
          pinnedImages: plan.pinnedImages.flatMap(namesOf),
          sharedBlobs: plan.sharedBlobs.length,
          sharedBytes: plan.sharedBytes,
        },
      }
    },

    async *verify(selection, { signal }): AsyncGenerator<VerifyProgress, void, undefined> {
      const digests = await images.blobsOf(storeSelection(selection, deps))
      const total = { totalBlobs: digests.length, totalBytes: images.bytesOf(digests) }
      const damaged: Digest[] = []
      let bytes = 0
      for (const [blobs, digest] of digests.entries()) {
        signal.throwIfAborted()
        yield { done: false, blobs, bytes, ...total, damaged: [...damaged] }
        const sizeBytes = images.bytesOf([digest])
        const isRight = await storage.verify(digest, () => signal.throwIfAborted())
        if (!isRight) damaged.push(digest)
        bytes += sizeBytes
      }
      yield { done: true, blobs: digests.length, bytes, ...total, damaged }
    },
  }
}

function storeSelection(selection: CacheSelection, { storage, upstreams }: CacheControlDeps): StoreSelection {
  if ('image' in selection) return { kind: 'image', image: parseImageName(selection.image, upstreams) }
  if ('repository' in selection) {
    return { kind: 'repository', repository: parseImageRepository(selection.repository, upstreams) }
  }
  if ('upstream' in selection)
    return { kind: 'upstream', upstream: requireUpstream(upstreams, selection.upstream) }
  if ('unusedForMs' in selection) {
    return { kind: 'unused', usedBeforeMs: storage.nowMs() - selection.unusedForMs }
  }
  return { kind: 'all' }
}

function imageStatus(image: StoredImage, { directory, network }: CacheControlDeps): ImageStatus {
  const { upstream, repository, tags, digest, mediaType, platforms, sizeBytes, ownBytes, complete, pinned } =
    image
  return {
    ...{ upstream, repository, tags, digest, mediaType, platforms, sizeBytes, ownBytes, complete, pinned },
    lastUsedAt: new Date(image.lastUsedAtMs).toISOString(),
    holders: copyCounts(holdersOfAll(image.blobs, directory), network),
  }
}

/** Peers that hold each of the blobs. */
function holdersOfAll(blobs: readonly Digest[], directory: Directory): readonly PeerId[] {
  const [first, ...others] = blobs
  let holders = new Set(first === undefined ? [] : directory.holders(first))
  for (const blob of others) {
    if (holders.size === 0) break
    holders = holders.intersection(new Set(directory.holders(blob)))
  }
  return [...holders]
}

function namesOf({ upstream, repository, tags, digest }: StoredImage): readonly string[] {
  if (repository === '') return [`<none>@${digest}`]
  const refs: readonly ImageRef[] =
    tags.length === 0
      ? [{ upstream, repository, digest }]
      : tags.map((tag) => ({ upstream, repository, tag }))
  return refs.map(formatImageName)
}

function isSameImage(a: ImageRef, b: ImageRef): boolean {
  return (
    a.upstream === b.upstream && a.repository === b.repository && a.tag === b.tag && a.digest === b.digest
  )
}
