import {
  type CachedFacts,
  cacheActionFor,
  type CacheRule,
  type Digest,
  type LinkStore,
  type RepositoryRef,
  type TagStore,
} from '@layermesh/interface'
import type { BlobIndex } from './blob-index.ts'

/** Collaborators of {@link digestsPinnedByRules}. */
export interface RulePinsDeps {
  readonly index: Pick<BlobIndex, 'get' | 'graph'>
  readonly links: LinkStore
  readonly tags: TagStore
}

/**
 * Everything that cache rules protect now: the images that they pin, with all that those need. Manifests alone are looked
 * at, under each repository and tag that they are known by.
 */
export async function digestsPinnedByRules(
  { index, links, tags }: RulePinsDeps,
  rules: readonly CacheRule[],
): Promise<ReadonlySet<Digest>> {
  const pinned = new Set<Digest>()
  if (rules.every(({ action }) => action !== 'pin')) return pinned
  const pinIfSaid = (digest: Digest, { upstream, repository, tag }: Omit<CachedFacts, 'sizeBytes'>) => {
    const manifest = index.graph.get(digest)
    if (manifest === undefined || pinned.has(digest)) return
    const sizeBytes = index.get(digest)?.stat.sizeBytes ?? 0
    const facts = { upstream, repository, tag, sizeBytes, mediaType: manifest.mediaType }
    if (cacheActionFor(facts, rules) !== 'pin') return
    for (const each of index.graph.closureOf(digest)) pinned.add(each)
  }
  const tagged = new Set<string>()
  for await (const tag of tags.list()) {
    tagged.add(nameOf(tag))
    pinIfSaid(tag.digest, tag)
  }
  for await (const link of links.list()) {
    if (link.kind === 'manifest' && !tagged.has(nameOf(link))) pinIfSaid(link.digest, link)
  }
  return pinned
}

function nameOf({ upstream, repository, digest }: RepositoryRef & { readonly digest: Digest }): string {
  return `${digest} ${upstream} ${repository}`
}
