import type { Descriptor, Digest } from '@layermesh/interface'

import type { PlannedLink } from '../topology/network-plan.ts'
import type { LinkDemand } from './samples.ts'

/**
 * Keeps account of which content has to cross which link. A link's demand is the content that nodes below it ask for in a phase
 * and that none of them has had before, each content once: less can't be carried by anybody, as the nodes below could give each
 * other everything else.
 */
export class DemandLedger {
  readonly #links: readonly PlannedLink[]
  /** What each node has ever been given. */
  readonly #had = new Map<string, Set<Digest>>()
  #asked = new Map<string, Map<Digest, number>>()

  constructor(links: readonly PlannedLink[]) {
    this.#links = links
  }

  /** A node's client asks for content. */
  ask(node: string, contents: readonly Descriptor[]): void {
    const asked = this.#asked.get(node) ?? new Map<Digest, number>()
    this.#asked.set(node, asked)
    for (const { digest, sizeBytes } of contents) asked.set(digest, sizeBytes)
  }

  /** A node has lost its disk. */
  forget(node: string): void {
    this.#had.delete(node)
  }

  /** What each link has had to carry since the last call. */
  settle(): LinkDemand[] {
    const demand = this.#links.map((link) => ({ link: link.name, bytes: this.#demandOn(link) }))
    for (const [node, asked] of this.#asked) {
      const had = this.#had.get(node) ?? new Set()
      this.#had.set(node, had.union(new Set(asked.keys())))
    }
    this.#asked = new Map()
    return demand
  }

  #demandOn({ nodes }: PlannedLink): number {
    const wanted = new Map(nodes.flatMap((node) => [...(this.#asked.get(node) ?? [])]))
    for (const node of nodes) for (const digest of this.#had.get(node) ?? []) wanted.delete(digest)
    return wanted.values().reduce((sum, sizeBytes) => sum + sizeBytes, 0)
  }
}

/**
 * The least time, in milliseconds, that any contender needs for a demand: the link that takes longest for what it has to
 * carry. max over links of (demand of the link / rate of the link); links without a rate take no time.
 */
export function lowerBoundMs(links: readonly PlannedLink[], demand: readonly LinkDemand[]): number {
  const bytesOf = new Map(demand.map(({ link, bytes }) => [link, bytes]))
  const times = links.map(({ name, rateBytesPerSecond }) =>
    rateBytesPerSecond === undefined ? 0 : (1000 * (bytesOf.get(name) ?? 0)) / rateBytesPerSecond,
  )
  return Math.max(0, ...times)
}
