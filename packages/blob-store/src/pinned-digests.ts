import type { Digest, PinStore, TagStore } from '@layermesh/interface'
import type { ImageGraph } from './image-graph.ts'

/** Collaborators of {@link pinnedDigests}. */
export interface PinnedDigestsDeps {
  readonly pins: PinStore
  readonly tags: TagStore
  readonly graph: ImageGraph
}

/** Everything that pins protect now: the images that they name, with all that those need, held or not. */
export async function pinnedDigests({ pins, tags, graph }: PinnedDigestsDeps): Promise<ReadonlySet<Digest>> {
  const pinned = new Set<Digest>()
  for (const pin of pins.list()) {
    const root = pin.tag === undefined ? pin.digest : (await tags.find(pin))?.digest
    if (root !== undefined) for (const digest of graph.closureOf(root)) pinned.add(digest)
  }
  return pinned
}
