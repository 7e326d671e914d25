import type { Digest, RepositoryRef } from '@layermesh/interface'
import { LRUCache } from 'lru-cache'

import { readableReferences } from './readable-references.ts'

/** Content of which it is remembered where it belongs, at most. */
const MAX_KNOWN = 50_000

/** Where content belongs, as far as it is known. */
export interface Pedigree {
  /** The tag that the image was last pulled by. */
  readonly tag?: string | undefined
  readonly mediaType?: string | undefined
}

/** Content of a repository. */
type Member = RepositoryRef & { readonly digest: Digest }

/**
 * Which tag content was pulled by, and of what type it is: a request for a blob says neither, but its manifest has been asked
 * for before, and the tag before that.
 */
export class ContentPedigree {
  readonly #known = new LRUCache<string, Pedigree>({ max: MAX_KNOWN })

  /** Takes note of what a tag points to. */
  noteTag(manifest: Member, pedigree: Pedigree): void {
    this.#known.set(nameOf(manifest), pedigree)
  }

  /** Takes note of what a manifest refers to. */
  noteReferences(manifest: Member, bytes: Uint8Array): void {
    const { tag } = this.of(manifest)
    const { manifests, config, layers } = readableReferences(bytes)
    const below = [...manifests, ...(config === undefined ? [] : [config]), ...layers]
    for (const { digest, mediaType } of below)
      this.#known.set(nameOf({ ...manifest, digest }), { tag, mediaType })
  }

  /** What is known of some content. */
  of(member: Member): Pedigree {
    return this.#known.get(nameOf(member)) ?? {}
  }
}

function nameOf({ upstream, repository, digest }: Member): string {
  return `${digest} ${upstream} ${repository}`
}
