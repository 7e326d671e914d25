import type { Digest } from '@layermesh/interface'
import type { BlobRole } from './eviction-policy.ts'
import type { ManifestReference, StoredManifest } from './stored-manifest.ts'

const NONE: ReadonlySet<Digest> = new Set()

/** Which manifests are held and what each of them needs, whether that is held or not. In memory. */
export class ImageGraph {
  readonly #manifests = new Map<Digest, StoredManifest>()
  readonly #parents = new Map<Digest, Set<Digest>>()

  /** Adds a manifest that is held from now on. */
  add(digest: Digest, manifest: StoredManifest): void {
    if (this.#manifests.has(digest)) return
    this.#manifests.set(digest, manifest)
    for (const reference of manifest.references) {
      const parents = this.#parents.get(reference.digest)
      if (parents === undefined) this.#parents.set(reference.digest, new Set([digest]))
      else parents.add(digest)
    }
  }

  /** Forgets a manifest that isn't held any more; does nothing for other blobs. */
  remove(digest: Digest): void {
    const manifest = this.#manifests.get(digest)
    if (manifest === undefined) return
    this.#manifests.delete(digest)
    for (const reference of manifest.references) {
      const parents = this.#parents.get(reference.digest)
      parents?.delete(digest)
      if (parents?.size === 0) this.#parents.delete(reference.digest)
    }
  }

  /** The manifest with this digest, if it is held. */
  get(digest: Digest): StoredManifest | undefined {
    return this.#manifests.get(digest)
  }

  /** Every manifest that is held. */
  manifests(): IterableIterator<[Digest, StoredManifest]> {
    return this.#manifests.entries()
  }

  /** The manifests that need a blob directly. */
  parentsOf(digest: Digest): ReadonlySet<Digest> {
    return this.#parents.get(digest) ?? NONE
  }

  /** What a blob is to the images that are held; a layer when none of them needs it. */
  roleOf(digest: Digest): BlobRole {
    if (this.#manifests.has(digest)) return 'manifest'
    for (const parent of this.parentsOf(digest)) {
      const reference = this.#manifests.get(parent)?.references.find((each) => each.digest === digest)
      if (reference !== undefined) return reference.role
    }
    return 'layer'
  }

  /** A manifest and everything below it, each digest once, whether it is held or not. */
  *closureOf(root: Digest): Generator<Digest, void, undefined> {
    const seen = new Set([root])
    // A set goes on with what is added while it is walked.
    for (const digest of seen) {
      yield digest
      for (const reference of this.#manifests.get(digest)?.references ?? []) seen.add(reference.digest)
    }
  }

  /** All manifests above a blob, each once. */
  *ancestorsOf(digest: Digest): Generator<Digest, void, undefined> {
    const seen = new Set(this.parentsOf(digest))
    for (const parent of seen) {
      yield parent
      for (const above of this.parentsOf(parent)) seen.add(above)
    }
  }

  /** What a manifest needs directly; nothing when it isn't held. */
  referencesOf(digest: Digest): readonly ManifestReference[] {
    return this.#manifests.get(digest)?.references ?? []
  }
}
