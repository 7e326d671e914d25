import type { ContentRef, Digest, Pin, TagRecord, TagRef } from '@layermesh/interface'
import type { BlobIndex } from './blob-index.ts'
import type { ImageGraph } from './image-graph.ts'

/** What BuildKit says is the platform of what isn't an image, such as an attestation. */
const NO_PLATFORM = 'unknown/unknown'

/** An image of which anything is held, as it is known in one repository. */
export interface StoredImage {
  /** Both empty when nothing is known of where it came from, as after the index was lost. */
  readonly upstream: string
  readonly repository: string
  /** In alphabetical order. */
  readonly tags: readonly string[]
  /** Of its manifest or index. */
  readonly digest: Digest
  readonly mediaType: string
  /** Platforms of an index of which everything is held. */
  readonly platforms: readonly string[]
  /** What is held of it, the manifest first. */
  readonly blobs: readonly Digest[]
  readonly sizeBytes: number
  /** Bytes that no other image uses. */
  readonly ownBytes: number
  /** Whether all that one platform needs is held. */
  readonly complete: boolean
  readonly pinned: boolean
  /** Store time in milliseconds. */
  readonly lastUsedAtMs: number
}

/** What is known, as far as images are concerned. */
export interface ImageFacts {
  readonly index: BlobIndex
  readonly links: readonly ContentRef[]
  readonly tags: readonly (TagRef & TagRecord)[]
  readonly pins: readonly Pin[]
}

/** A manifest that is an image in a repository, and no part of another one there. */
interface Root {
  readonly upstream: string
  readonly repository: string
  readonly digest: Digest
  readonly tags: readonly string[]
}

/** Lists the images of which anything is held, by upstream, repository and first tag. */
export function listStoredImages(facts: ImageFacts): readonly StoredImage[] {
  const { index, pins } = facts
  const roots = rootsOf(facts)
  const held = roots.map((root) => heldBlobs(root.digest, index))
  const owners = new Map<Digest, number>()
  for (const blob of held.flat()) owners.set(blob, (owners.get(blob) ?? 0) + 1)
  return roots.map((root, each): StoredImage => {
    const blobs = held[each] ?? []
    const manifests = blobs.filter((blob) => index.graph.get(blob) !== undefined)
    return {
      ...root,
      mediaType: index.graph.get(root.digest)?.mediaType ?? '',
      platforms: platformsOf(root.digest, index),
      blobs,
      sizeBytes: bytesOf(blobs, index),
      ownBytes: bytesOf(
        blobs.filter((blob) => owners.get(blob) === 1),
        index,
      ),
      complete: isComplete(root.digest, index),
      pinned: pins.some((pin) => isPinOf(pin, root)),
      lastUsedAtMs: Math.max(...manifests.map((blob) => index.get(blob)?.usage.lastUsedAtMs ?? 0)),
    }
  })
}

/** Bytes of those of the blobs that are held. */
export function bytesOf(blobs: Iterable<Digest>, index: BlobIndex): number {
  let bytes = 0
  for (const blob of blobs) bytes += index.get(blob)?.stat.sizeBytes ?? 0
  return bytes
}

function rootsOf({ index, links, tags }: ImageFacts): readonly Root[] {
  const repositories = new Map<string, { upstream: string; repository: string; linked: Set<Digest> }>()
  const tagsOf = Map.groupBy(tags, ({ upstream, repository, digest }) => keyOf(upstream, repository, digest))
  const known = new Set<Digest>()
  for (const { upstream, repository, digest } of [...links, ...tags]) {
    if (index.graph.get(digest) === undefined) continue
    known.add(digest)
    const key = keyOf(upstream, repository)
    const group = repositories.get(key) ?? { upstream, repository, linked: new Set() }
    group.linked.add(digest)
    repositories.set(key, group)
  }
  const roots: Root[] = []
  for (const { upstream, repository, linked } of repositories.values()) {
    for (const digest of linked) {
      const names = (tagsOf.get(keyOf(upstream, repository, digest)) ?? []).map(({ tag }) => tag)
      const isPart = index.graph
        .parentsOf(digest)
        .values()
        .some((parent) => linked.has(parent))
      if (names.length > 0 || !isPart) roots.push({ upstream, repository, digest, tags: names.toSorted() })
    }
  }
  const inImages = new Set(roots.flatMap(({ digest }) => [...index.graph.closureOf(digest)]))
  for (const [digest] of index.graph.manifests()) {
    if (known.has(digest) || inImages.has(digest) || index.graph.parentsOf(digest).size > 0) continue
    roots.push({ upstream: '', repository: '', digest, tags: [] })
  }
  return roots.toSorted((a, b) => compare(nameOf(a), nameOf(b)))
}

/** What is held of an image, its manifest first. */
export function heldBlobs(root: Digest, index: BlobIndex): readonly Digest[] {
  return [...index.graph.closureOf(root)].filter((digest) => index.get(digest) !== undefined)
}

function isComplete(digest: Digest, index: BlobIndex): boolean {
  const manifest = index.graph.get(digest)
  if (manifest === undefined) return false
  const children = childManifests(digest, index.graph)
  if (children.length > 0) return children.some((child) => isComplete(child.digest, index))
  return manifest.references.every((reference) => index.get(reference.digest) !== undefined)
}

function platformsOf(digest: Digest, index: BlobIndex): readonly string[] {
  return childManifests(digest, index.graph)
    .filter((child) => isComplete(child.digest, index))
    .flatMap(({ platform }) => (platform === undefined ? [] : [platform]))
}

/** Children of an index that are images. */
function childManifests(digest: Digest, graph: ImageGraph) {
  return graph
    .referencesOf(digest)
    .filter(({ role, platform }) => role === 'manifest' && platform !== NO_PLATFORM)
}

function isPinOf(pin: Pin, { upstream, repository, digest, tags }: Root): boolean {
  // Where it is from is forgotten with the index, and the pin holds all the same.
  if (upstream === '') return pin.digest === digest
  if (pin.upstream !== upstream || pin.repository !== repository) return false
  return pin.tag === undefined ? pin.digest === digest : tags.includes(pin.tag)
}

function keyOf(...parts: readonly string[]): string {
  return JSON.stringify(parts)
}

function nameOf({ upstream, repository, tags, digest }: Root): string {
  return [upstream, repository, tags[0] ?? '~', digest].join('\n')
}

function compare(a: string, b: string): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}
