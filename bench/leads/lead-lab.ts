import { setTimeout } from 'node:timers/promises'

import { rankByRendezvous } from '@layermesh/directory'
import type { NodeStatus, PeerId, PeerStatus, SourceScope } from '@layermesh/interface'
import { type OriginAccount, type OriginProcess, spawnOrigin } from '@layermesh/testkit'

import { startClients, stopClients } from '../harness/client/start-clients.ts'
import type { NodeClient } from '../harness/client/node-client.ts'
import type { PullOutcome } from '../harness/client/pull-outcome.ts'
import { type RunningLayermesh, startLayermesh } from '../harness/contenders/layermesh.ts'
import type { Lab, LinkBytes, Place } from '../harness/lab/lab.ts'
import { type LabMode, openLab } from '../harness/lab/open-lab.ts'
import type { Topology } from '../harness/topology/topology.ts'
import type { PublishedImage } from '../harness/workload/published-image.ts'
import { askAdmin } from './ask-admin.ts'
import { disturb } from './disturbance.ts'
import type { BorderCopies, LeadRun, LeadRunInit } from './lead-run.ts'
import { leadsImage } from './leads-image.ts'
import { longestStandstill } from './longest-standstill.ts'

const UPSTREAM_PORT = 5000
const LOOK_EVERY_MS = 20
/** How often is looked whether a node is a member again, in milliseconds. */
const LOOK_FOR_MEMBERS_EVERY_MS = 500
const REPOSITORY = 'bench/app'
/** Of the image that nobody measures. */
const WARM_UP_SEED = 0
const WARM_UP_BYTES = 16 * 1024 * 1024
const WARM_UP_TIMEOUT_MS = 60_000

/** A cluster of two regions with two sites each. */
export interface LeadLabInit {
  readonly nodesPerSite: number
  readonly sources: readonly SourceScope[]
  /** Of the registry's link; where links have no rates, of the registry itself. */
  readonly upstreamRateBytesPerSecond: number
  /** The setting `mesh.stallTimeout`. */
  readonly stallTimeout: { readonly site: string; readonly beyond: string }
  readonly mode: LabMode
}

/** What was counted up to a moment. */
interface Counts {
  readonly account: OriginAccount
  readonly links: readonly LinkBytes[]
  readonly statuses: readonly NodeStatus[]
}

/** A cluster in processes of its own that pulls one image after the other. After each run it is whole again, and has no content. */
export class LeadLab implements AsyncDisposable {
  readonly #init: LeadLabInit
  readonly #lab: Lab
  readonly #origin: OriginProcess
  readonly #cluster: RunningLayermesh
  readonly #clients: ReadonlyMap<string, NodeClient>
  readonly #stack: AsyncDisposableStack

  private constructor(init: LeadLabInit, parts: Parts, stack: AsyncDisposableStack) {
    this.#init = init
    this.#lab = parts.lab
    this.#origin = parts.origin
    this.#cluster = parts.cluster
    this.#clients = parts.clients
    this.#stack = stack
  }

  static async open(init: LeadLabInit): Promise<LeadLab> {
    await using stack = new AsyncDisposableStack()
    const lab = stack.use(await openLab(topologyOf(init), init.mode))
    const { address, launcher } = lab.upstream
    const { upstreamRateBytesPerSecond: rateBytesPerSecond } = init
    const origin = stack.use(
      await spawnOrigin(
        { address, port: lab.portAt(UPSTREAM_PORT), ...(!lab.shapes && { rateBytesPerSecond }) },
        launcher,
      ),
    )
    const cluster = stack.use(await startLayermesh({ lab, origin }, init))
    const clients = await startClients(lab, false)
    stack.defer(() => stopClients(clients))
    const leadLab = new LeadLab(init, { lab, origin, cluster, clients }, stack.move())
    await leadLab.#warmUp()
    return leadLab
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync()
  }

  /** All nodes pull one image at the same moment, and one of them may be disturbed. */
  async run(init: LeadRunInit): Promise<LeadRun> {
    const image = await this.#publish(init.seed, init.imageBytes)
    const { uniqueBytes } = image
    const before = await this.#count()
    const pulled = await this.#pullEverywhere(image, init)
    const isWhole = init.disturbance?.kind !== 'kill'
    const after = await this.#count()
    const sent = (of: 'blobBytes' | 'manifestBytes' | 'uniqueBytes') => after.account[of] - before.account[of]
    const upstreamBytes = sent('blobBytes') + sent('manifestBytes')
    const { outcomes, standstillMs, disturbedPull } = pulled
    await this.#empty()
    return {
      ...{ seed: init.seed, sources: this.#init.sources, disturbance: init.disturbance },
      ...{ mode: this.#lab.mode, nodes: this.#lab.nodes.length, uniqueBytes, upstreamBytes },
      stallTimeout: this.#init.stallTimeout,
      manifestBytes: sent('manifestBytes'),
      upstreamRatio: upstreamBytes / sent('uniqueBytes'),
      pulls: outcomes.length,
      failedPulls: outcomes.filter(({ error }) => error !== undefined).length,
      errors: [...new Set(outcomes.flatMap(({ error }) => error ?? []))],
      verifiedDigests: outcomes.reduce((sum, outcome) => sum + outcome.verifiedDigests, 0),
      borders: this.#borders(before, after, { uniqueBytes, isWhole }),
      durationMs: Math.max(...outcomes.map((outcome) => outcome.durationMs)),
      ...{ standstillMs, disturbedPull },
    }
  }

  /**
   * Each node pulls a small image, one after the other: a process that has never pulled compiles its code meanwhile, and sixteen that do so at
   * once on a few processors are as slow as none of them ever is again.
   */
  async #warmUp(): Promise<void> {
    const image = await this.#publish(WARM_UP_SEED, WARM_UP_BYTES)
    for (const node of this.#lab.nodes) {
      const { error } = await this.#pull(node, image, AbortSignal.timeout(WARM_UP_TIMEOUT_MS))
      if (error !== undefined) throw new Error(`${node.name}: ${error}`)
    }
    await this.#empty()
  }

  async #publish(seed: number, imageBytes: number): Promise<PublishedImage> {
    const tag = `v${seed}`
    const { contents, uniqueBytes } = await this.#origin.add(REPOSITORY, leadsImage(seed, imageBytes), {
      tag,
    })
    return { repository: REPOSITORY, tag, uniqueBytes, contents }
  }

  async #pullEverywhere(image: PublishedImage, { disturbance, signal }: LeadRunInit): Promise<Pulled> {
    const { nodes } = this.#lab
    const pulls = new Map(nodes.map((node) => [node, this.#pull(node, image, signal)]))
    if (disturbance === undefined) return { outcomes: await Promise.all(pulls.values()) }
    const largest = image.contents.toSorted((a, b) => b.sizeBytes - a.sizeBytes)[0]
    if (largest === undefined) throw new RangeError('an image without contents')
    const lead = this.#leadOf(largest.digest)
    const sentBytes = async () => (await this.#origin.account()).byDigest[largest.digest] ?? 0
    while ((await sentBytes()) < disturbance.atPart * largest.sizeBytes) {
      signal.throwIfAborted()
      await setTimeout(LOOK_EVERY_MS)
    }
    const undo = await disturb(disturbance.kind, lead, { lab: this.#lab, cluster: this.#cluster })
    const over = new AbortController()
    const watching = longestStandstill(sentBytes, largest.sizeBytes, over.signal)
    const outcomes = await Promise.all(
      nodes.flatMap((node) => (node === lead ? [] : (pulls.get(node) ?? []))),
    )
    over.abort()
    const standstillMs = await watching
    await undo()
    await this.#whenWhole(lead, signal)
    const first = await pulls.get(lead)
    if (disturbance.kind === 'kill') return { outcomes, standstillMs }
    // A client whose pull has failed while its node could reach nobody tries again.
    const last = first?.error === undefined ? first : await this.#pull(lead, image, signal)
    return { outcomes, standstillMs, disturbedPull: last?.error === undefined ? 'completed' : 'failed' }
  }

  #pull(node: Place, image: PublishedImage, signal: AbortSignal): Promise<PullOutcome> {
    const client = this.#clients.get(node.name)
    if (client === undefined) throw new RangeError(`no client at ${node.name}`)
    const mirror = this.#cluster.mirrorOf(node)
    return client.pull({ mirror, upstream: this.#origin.url, image, keep: false, fallback: false, signal })
  }

  async #whenWhole(node: Place, signal: AbortSignal): Promise<void> {
    for (;;) {
      const peers = await askAdmin<readonly PeerStatus[]>(node, this.#cluster, '/api/v1/peers')
      if (peers.length === this.#lab.nodes.length - 1) return
      signal.throwIfAborted()
      await setTimeout(LOOK_FOR_MEMBERS_EVERY_MS)
    }
  }

  async #count(): Promise<Counts> {
    const statuses = this.#lab.nodes.map((node) =>
      askAdmin<NodeStatus>(node, this.#cluster, '/api/v1/status'),
    )
    return {
      account: await this.#origin.account(),
      links: await this.#lab.linkBytes(),
      statuses: await Promise.all(statuses),
    }
  }

  async #empty(): Promise<void> {
    const purge = { select: { all: true }, dryRun: false }
    await Promise.all(this.#lab.nodes.map((node) => askAdmin(node, this.#cluster, '/api/v1/purge', purge)))
  }

  #borders(
    before: Counts,
    after: Counts,
    { uniqueBytes, isWhole }: { readonly uniqueBytes: number; readonly isWhole: boolean },
  ): readonly BorderCopies[] {
    const { nodes, plan } = this.#lab
    return (['region', 'site'] as const).flatMap((border) =>
      [...new Set(nodes.map((node) => node[border]))].map((place): BorderCopies => {
        const index = plan.links.findIndex(
          ({ kind, lower }) => kind === border && lower === `${border}-${place}`,
        )
        const linkBefore = before.links[index]
        const linkAfter = after.links[index]
        const counted = cameIn(after.statuses, border, place) - cameIn(before.statuses, border, place)
        return {
          place: `${border} ${place}`,
          counted: isWhole ? counted / uniqueBytes : undefined,
          onLink: linkBefore && linkAfter && (linkAfter.contentBytes - linkBefore.contentBytes) / uniqueBytes,
        }
      }),
    )
  }

  #leadOf(digest: string): Place {
    const byPeer = new Map(
      this.#lab.nodes.map((node) => [this.#cluster.processAt(node).peerId as PeerId, node]),
    )
    const [first] = rankByRendezvous(digest, [...byPeer.keys()])
    const node = first && byPeer.get(first)
    if (node === undefined) throw new RangeError('a cluster without nodes')
    return node
  }
}

interface Parts {
  readonly lab: Lab
  readonly origin: OriginProcess
  readonly cluster: RunningLayermesh
  readonly clients: ReadonlyMap<string, NodeClient>
}

interface Pulled {
  /** Without that of a node that was disturbed. */
  readonly outcomes: readonly PullOutcome[]
  readonly standstillMs?: number
  readonly disturbedPull?: 'completed' | 'failed'
}

function topologyOf({ nodesPerSite, upstreamRateBytesPerSecond }: LeadLabInit): Topology {
  const free = { rateBytesPerSecond: undefined, delayMs: 0 }
  const site = (name: string) => ({ name, nodes: nodesPerSite, link: free, nodeLink: free })
  const region = (name: string) => ({ name, link: free, sites: [site(`${name}-a`), site(`${name}-b`)] })
  return {
    upstreamLink: { ...free, rateBytesPerSecond: upstreamRateBytesPerSecond },
    cacheLink: free,
    regions: [region('eu'), region('us')],
  }
}

/** Bytes that have come into a region or a site. */
function cameIn(statuses: readonly NodeStatus[], border: 'region' | 'site', place: string): number {
  const within = statuses.filter(({ node }) => node[border] === place)
  const outside: readonly SourceScope[] =
    border === 'region' ? ['world', 'upstream'] : ['region', 'world', 'upstream']
  return within.reduce(
    (sum, { bytes }) => sum + outside.reduce((total, scope) => total + bytes.fetched[scope], 0),
    0,
  )
}
