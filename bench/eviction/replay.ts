import type { ByteSource, CopyCounts, LinkClass, Locality } from '@layermesh/interface'
import { linkClassOf } from '@layermesh/interface'

import type { CachePolicy, NamedPolicy } from './cache-policy.ts'
import type { Pull, Trace } from '../support/trace.ts'

/** A node evicts when it would hold more than its budget, down to this part of it. */
export const LOW_WATER = 0.9

export interface ReplayInit {
  readonly trace: Trace
  readonly nodes: readonly Locality[]
  readonly budgetBytes: number
  readonly policy: NamedPolicy
  /** What a byte costs by where it comes from. */
  readonly linkCost: Readonly<Record<ByteSource, number>>
  /** Pulls before this time fill the caches and aren't counted. */
  readonly countFromMs: number
}

/** What a replay has cost, over all nodes. */
export interface ReplayResult {
  /** Bytes that clients have asked for. */
  readonly requestedBytes: number
  readonly bytesBySource: Readonly<Record<ByteSource, number>>
  /** Bytes that came from elsewhere, each times the cost of its link. */
  readonly weightedFetchedBytes: number
  /** Bytes that came from elsewhere to a node that had fetched them before. */
  readonly refetchedBytes: number
  /** The same, each times the cost of its link. */
  readonly weightedRefetchedBytes: number
  /** Blobs of which a region's last copy was evicted. */
  readonly lastCopiesLost: number
  /** Bytes of last copies that were evicted, and that the region asked for again. */
  readonly lastCopyBytesMissed: number
}

/** A node's cache in the replay. */
interface Cache {
  readonly node: number
  readonly policy: CachePolicy
  readonly held: Set<number>
  readonly fetchedBefore: Set<number>
  bytes: number
}

const NO_BYTES: Readonly<Record<ByteSource, number>> = { cache: 0, site: 0, region: 0, world: 0, upstream: 0 }

/**
 * Replays a trace on nodes of which each has its own cache: a missing blob comes from the nearest node that holds it, else from
 * upstream, and is kept. What is being pulled isn't evicted.
 */
export function replay(init: ReplayInit): ReplayResult {
  return new Replay(init).run()
}

class Replay {
  readonly #init: ReplayInit
  readonly #caches: readonly Cache[]
  /** For each blob the nodes that hold it, as a bit mask. */
  readonly #holders: Int32Array
  /** For each node the other nodes by link class, as bit masks, nearest first. */
  readonly #neighbours: readonly (readonly [LinkClass, number])[][]
  readonly #bytesBySource = { ...NO_BYTES }
  readonly #lostInRegion = new Map<string, Set<number>>()
  #requestedBytes = 0
  #weightedFetchedBytes = 0
  #refetchedBytes = 0
  #weightedRefetchedBytes = 0
  #lastCopiesLost = 0
  #lastCopyBytesMissed = 0

  constructor(init: ReplayInit) {
    const { trace, nodes, budgetBytes, policy } = init
    if (nodes.length > 31) throw new RangeError('more nodes than a bit mask has bits')
    this.#init = init
    this.#holders = new Int32Array(trace.blobs.length)
    this.#neighbours = nodes.map((_, node) => neighboursOf(node, nodes))
    this.#caches = nodes.map((_, node) => ({
      node,
      policy: policy.create({
        blobs: trace.blobs,
        budgetBytes,
        node,
        view: { copiesOf: (blob) => this.#copiesOf(node, blob) },
      }),
      held: new Set(),
      fetchedBefore: new Set(),
      bytes: 0,
    }))
  }

  run(): ReplayResult {
    for (const pull of this.#init.trace.pulls) this.#pull(pull)
    return {
      requestedBytes: this.#requestedBytes,
      bytesBySource: this.#bytesBySource,
      weightedFetchedBytes: this.#weightedFetchedBytes,
      refetchedBytes: this.#refetchedBytes,
      weightedRefetchedBytes: this.#weightedRefetchedBytes,
      lastCopiesLost: this.#lastCopiesLost,
      lastCopyBytesMissed: this.#lastCopyBytesMissed,
    }
  }

  #pull({ atMs, node, image }: Pull): void {
    const cache = this.#caches[node]
    if (cache === undefined) throw new RangeError(`no node ${node}`)
    const counts = atMs >= this.#init.countFromMs
    for (const blob of image) {
      const source = cache.held.has(blob) ? 'cache' : this.#nearestHolder(node, blob, atMs)
      if (counts) this.#count(cache, blob, source)
      if (source === 'cache') cache.policy.used(blob, atMs)
      else this.#admit(cache, blob, atMs, image)
    }
  }

  /** Where a missing blob comes from; a peer that gives it has used it. */
  #nearestHolder(node: number, blob: number, atMs: number): ByteSource {
    const holders = this.#holders[blob] ?? 0
    for (const [linkClass, mask] of this.#neighbours[node] ?? []) {
      const near = holders & mask
      if (near === 0) continue
      this.#caches[lowestBit(near)]?.policy.used(blob, atMs)
      return linkClass
    }
    return 'upstream'
  }

  #count(cache: Cache, blob: number, source: ByteSource): void {
    const bytes = this.#sizeOf(blob)
    this.#requestedBytes += bytes
    this.#bytesBySource[source] += bytes
    if (source === 'cache') return
    const weightedBytes = bytes * this.#init.linkCost[source]
    this.#weightedFetchedBytes += weightedBytes
    if (cache.fetchedBefore.has(blob)) {
      this.#refetchedBytes += bytes
      this.#weightedRefetchedBytes += weightedBytes
    }
    if (this.#lostBy(cache.node).delete(blob)) this.#lastCopyBytesMissed += bytes
  }

  #admit(cache: Cache, blob: number, atMs: number, image: readonly number[]): void {
    const { budgetBytes, countFromMs } = this.#init
    const bytes = this.#sizeOf(blob)
    cache.fetchedBefore.add(blob)
    if (cache.bytes + bytes > budgetBytes) {
      const bytesToFree = cache.bytes + bytes - budgetBytes * LOW_WATER
      for (const victim of cache.policy.evict(bytesToFree, atMs, (held) => image.includes(held))) {
        this.#evict(cache, victim, atMs >= countFromMs)
      }
      // Nothing that may go is left: the blob streams through and isn't kept.
      if (cache.bytes + bytes > budgetBytes) return
    }
    cache.policy.added(blob, atMs)
    cache.held.add(blob)
    cache.bytes += bytes
    this.#holders[blob] = (this.#holders[blob] ?? 0) | (1 << cache.node)
  }

  #evict(cache: Cache, blob: number, counts: boolean): void {
    if (!cache.held.delete(blob)) throw new Error(`blob ${blob} was to be evicted and isn't held`)
    cache.bytes -= this.#sizeOf(blob)
    this.#holders[blob] = (this.#holders[blob] ?? 0) & ~(1 << cache.node)
    if (!counts) return
    const { site, region } = this.#copiesOf(cache.node, blob)
    if (site + region > 0) return
    this.#lastCopiesLost++
    this.#lostBy(cache.node).add(blob)
  }

  #copiesOf(node: number, blob: number): CopyCounts {
    const holders = this.#holders[blob] ?? 0
    const counts = { site: 0, region: 0, world: 0 }
    for (const [linkClass, mask] of this.#neighbours[node] ?? []) counts[linkClass] = bitCount(holders & mask)
    return counts
  }

  /** Blobs of which the last copy in the node's region was evicted. */
  #lostBy(node: number): Set<number> {
    const region = this.#init.nodes[node]?.region ?? ''
    let lost = this.#lostInRegion.get(region)
    if (lost === undefined) this.#lostInRegion.set(region, (lost = new Set()))
    return lost
  }

  #sizeOf(blob: number): number {
    const found = this.#init.trace.blobs[blob]
    if (found === undefined) throw new RangeError(`no blob ${blob}`)
    return found.sizeBytes
  }
}

function neighboursOf(node: number, nodes: readonly Locality[]): (readonly [LinkClass, number])[] {
  const masks = { site: 0, region: 0, world: 0 }
  const here = nodes[node]
  if (here === undefined) throw new RangeError(`no node ${node}`)
  nodes.forEach((there, other) => {
    if (other !== node) masks[linkClassOf(here, there)] |= 1 << other
  })
  return [
    ['site', masks.site],
    ['region', masks.region],
    ['world', masks.world],
  ]
}

function lowestBit(mask: number): number {
  return 31 - Math.clz32(mask & -mask)
}

function bitCount(mask: number): number {
  let count = 0
  for (let rest = mask; rest !== 0; rest &= rest - 1) count++
  return count
}
