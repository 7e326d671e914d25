import type { ContentRef, Digest, LinkStore } from '@layermesh/interface'

/** Links for as long as the process lives. */
export class MemoryLinkStore implements LinkStore {
  readonly #links = new Map<string, ContentRef>()

  put(ref: ContentRef): Promise<void> {
    const key = keyOf(ref)
    if (!this.#links.has(key)) this.#links.set(key, ref)
    return Promise.resolve()
  }

  async of(digest: Digest): Promise<readonly ContentRef[]> {
    return [...this.#links.values()].filter((ref) => ref.digest === digest)
  }

  remove(ref: ContentRef): Promise<void> {
    this.#links.delete(keyOf(ref))
    return Promise.resolve()
  }

  async *list(): AsyncGenerator<ContentRef> {
    yield* this.#links.values()
  }
}

function keyOf({ kind, upstream, repository, digest }: ContentRef): string {
  return JSON.stringify([digest, kind, upstream, repository])
}
