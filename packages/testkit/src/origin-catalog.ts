import type { Digest } from '@layermesh/interface'
import { MANIFEST_MEDIA_TYPES } from '@layermesh/oci'
import type { BuiltArtifact, BuiltContent } from './built-content.ts'

interface Repository {
  readonly tags: Map<string, Digest>
  readonly manifests: Map<string, BuiltContent>
  readonly blobs: Map<string, BuiltContent>
}

/** What a registry holds, by repository: content is found only under repositories that it was added to. */
export class OriginCatalog {
  readonly #repositories = new Map<string, Repository>()

  /** Adds an artifact with all its contents, and points `tag` to it if one is given. */
  add(name: string, artifact: BuiltArtifact, tag?: string): void {
    const repository = this.#repositories.get(name) ?? {
      tags: new Map(),
      manifests: new Map(),
      blobs: new Map(),
    }
    this.#repositories.set(name, repository)
    for (const [digest, content] of artifact.contents) {
      const { manifests, blobs } = repository
      const collection = MANIFEST_MEDIA_TYPES.includes(content.descriptor.mediaType) ? manifests : blobs
      collection.set(digest, content)
    }
    const { digest } = artifact.manifest.descriptor
    // Whatever its media type says, what a tag points to is a manifest.
    repository.manifests.set(digest, artifact.manifest)
    if (tag !== undefined) repository.tags.set(tag, digest)
  }

  /** Forgets a tag or, given a digest, a manifest or blob of one repository. */
  remove(name: string, reference: string): void {
    const repository = this.#repositories.get(name)
    repository?.tags.delete(reference)
    repository?.manifests.delete(reference)
    repository?.blobs.delete(reference)
  }

  /** A manifest by tag or digest. */
  findManifest(name: string, reference: string): BuiltContent | undefined {
    const repository = this.#repositories.get(name)
    return repository?.manifests.get(repository.tags.get(reference) ?? reference)
  }

  findBlob(name: string, digest: string): BuiltContent | undefined {
    return this.#repositories.get(name)?.blobs.get(digest)
  }

  /** The tags of a repository in ASCII order, undefined when there is no such repository. */
  findTags(name: string): readonly string[] | undefined {
    return this.#repositories.get(name)?.tags.keys().toArray().sort()
  }

  /** The manifests of a repository that say they belong to `digest`, in the order in which they were added. */
  findReferrers(name: string, digest: string): readonly BuiltContent[] {
    const manifests = this.#repositories.get(name)?.manifests.values() ?? []
    return [...manifests].filter(({ bytes }) => subjectOf(bytes) === digest)
  }
}

function subjectOf(manifest: Uint8Array): string | undefined {
  try {
    const { subject } = JSON.parse(Buffer.from(manifest).toString()) as { subject?: { digest?: string } }
    return subject?.digest
  } catch {
    // Tests serve manifests that are no JSON, too.
    return undefined
  }
}
