import { setTimeout } from 'node:timers/promises'
import { CLUSTER_TOPIC, createDirectory, regionTopic } from '@layermesh/directory'
import type { Directory } from '@layermesh/interface'
import type { Libp2pPeerNetwork } from '@layermesh/mesh'
import { blobsOf, digestIn, dueMs, watchedBlobs, type BlobRound } from '../blob-round.ts'
import { sharedTimeMs } from '../shared-time.ts'
import { startNetwork, whenMembers, type NetworkOptions } from './start-network.ts'

/**
 * Nodes of the cluster that is measured, in one process: network and directory as in the daemon, without a cache.
 * Requests come over IPC, and each is answered when it is done. Times are those of the clock that all processes share.
 */
export type MemberRequest =
  | { readonly kind: 'addresses' }
  /** Answers when all nodes here have so many others as members. */
  | { readonly kind: 'members'; readonly count: number }
  /** Plays the part of the nodes here, and answers when they know all blobs that are watched. */
  | { readonly kind: 'round'; readonly round: BlobRound }

/** What a process is told at its start. */
export interface MemberInit {
  /** Those of the cluster. */
  readonly nodes: number
  /** Number of the first node here, and how many there are. */
  readonly first: number
  readonly here: readonly Pick<NetworkOptions, 'name' | 'locality'>[]
  /** Where to join; none: the first node here is the first of all. */
  readonly bootstrap: readonly string[]
}

/** When each node here had all members. */
export interface MembersAnswer {
  readonly startedAtMs: number
  readonly atMs: readonly number[]
}

/** When something happened to a blob. */
export type BlobTime = readonly [blob: number, atMs: number]

/** When what happened here. */
export interface RoundAnswer {
  readonly committed: readonly BlobTime[]
  /** By each node here of each watched blob that isn't its own. */
  readonly known: readonly BlobTime[]
}

/** What has come by a comparison of views, with no message of gossip after it, is found this late; in milliseconds. */
const LOOK_INTERVAL_MS = 250
const BLOB_BYTES = 1_000_000

interface Node {
  readonly number: number
  readonly network: Libp2pPeerNetwork
  readonly directory: Directory
}

/** When the process began, before it loaded anything. */
const startedAtMs = sharedTimeMs() - performance.now()
const init = JSON.parse(process.argv[2] ?? '') as MemberInit
const nodes: Node[] = []
for (const said of init.here) {
  const bootstrap = init.bootstrap.length > 0 ? init.bootstrap : (nodes[0]?.network.listenAddresses() ?? [])
  const parts = await startNetwork({ ...said, bootstrap })
  const directory = createDirectory(parts)
  await directory.start()
  nodes.push({ number: init.first + nodes.length, network: parts.network, directory })
}

process.on('disconnect', () => process.exit())
process.on('message', (request: MemberRequest) => {
  void answer(request).then(
    (result) => process.send?.(result),
    (error: unknown) => {
      console.error(error)
      process.exit(1)
    },
  )
})

async function answer(request: MemberRequest): Promise<object> {
  switch (request.kind) {
    case 'addresses':
      return { addresses: nodes[0]?.network.listenAddresses() }
    case 'members':
      return {
        startedAtMs,
        atMs: await Promise.all(nodes.map((node) => whenFull(node, request.count))),
      } satisfies MembersAnswer
    case 'round': {
      const { round } = request
      const watching = Promise.all(nodes.map((node) => watch(node, round)))
      const committed = await Promise.all(nodes.map((node) => commit(node, round)))
      return { committed: committed.flat(), known: (await watching).flat() } satisfies RoundAnswer
    }
  }
}

async function whenFull({ network }: Node, count: number): Promise<number> {
  await whenMembers(network, count)
  return sharedTimeMs()
}

/** Commits each blob when it is due, or as soon as this process gets its turn. */
async function commit(node: Node, round: BlobRound): Promise<readonly BlobTime[]> {
  const times: BlobTime[] = []
  for (const blob of blobsOf(round, node.number, init.nodes)) {
    await setTimeout(Math.max(0, Math.ceil(dueMs(round, blob) - sharedTimeMs())))
    times.push([blob, sharedTimeMs()])
    node.directory.announce(digestIn(round, blob), BLOB_BYTES)
  }
  return times
}

/** Whatever gossip brings is known when the directory has heard it, and it hears it before us. */
async function watch({ number, network, directory }: Node, round: BlobRound): Promise<readonly BlobTime[]> {
  const own = new Set(blobsOf(round, number, init.nodes))
  const waiting = new Map(
    watchedBlobs(round)
      .filter((blob) => !own.has(blob))
      .map((blob) => [blob, digestIn(round, blob)]),
  )
  const known: BlobTime[] = []
  const { promise, resolve } = Promise.withResolvers<undefined>()
  const look = () => {
    const nowMs = sharedTimeMs()
    for (const [blob, digest] of waiting) {
      // They are due one after the other: what can't be known yet isn't looked up.
      if (dueMs(round, blob) > nowMs) break
      if (directory.holders(digest).length === 0) continue
      waiting.delete(blob)
      known.push([blob, nowMs])
    }
    if (waiting.size === 0) resolve(undefined)
  }
  const topics = [regionTopic(network.self.locality.region), CLUSTER_TOPIC]
  const unsubscribes = topics.map((topic) => network.subscribe(topic, look))
  const timer = setInterval(look, LOOK_INTERVAL_MS)
  await promise
  clearInterval(timer)
  for (const unsubscribe of unsubscribes) unsubscribe()
  return known
}
