import { setTimeout } from 'node:timers/promises'

import { rankByRendezvous } from '@layermesh/directory'
import type { NodeStatus, PeerId, SourceScope } from '@layermesh/interface'
import { spawnOrigin } from '@layermesh/testkit'

import { runCommand } from '../../test/support/run-command.ts'
import { startClients, stopClients } from '../harness/client/start-clients.ts'
import type { PullOutcome } from '../harness/client/pull-outcome.ts'
import { type RunningLayermesh, startLayermesh } from '../harness/contenders/layermesh.ts'
import type { Place } from '../harness/lab/lab.ts'
import { type LabMode, openLab } from '../harness/lab/open-lab.ts'
import type { Topology } from '../harness/topology/topology.ts'
import { disturb, type DisturbanceKind } from './disturbance.ts'
import { leadsImage } from './leads-image.ts'

const UPSTREAM_PORT = 5000
const LOOK_EVERY_MS = 20

/** What is run. */
export interface LeadRunInit {
  /** Two regions with two sites each. */
  readonly nodesPerSite: number
  readonly imageBytes: number
  readonly seed: number
  readonly sources: readonly SourceScope[]
  /** Of the registry's link. */
  readonly upstreamRateBytesPerSecond: number
  /** What befalls the lead of the largest layer, and when so much of that layer has come from upstream. */
  readonly disturbance?: { readonly kind: DisturbanceKind; readonly atPart: number } | undefined
  /** The setting `mesh.stallTimeout`. */
  readonly stallTimeout: { readonly site: string; readonly beyond: string }
  readonly mode: LabMode
  readonly signal: AbortSignal
}

/** What has come in over a border, in copies of the image. */
interface BorderCopies {
  readonly place: string
  /** Content, as the nodes behind the border have counted it; undefined when one of them was killed. */
  readonly counted: number | undefined
  /** All bytes on the link, headers and gossip included; undefined where there are no links. */
  readonly onLink: number | undefined
}

/** What a run has shown. */
export interface LeadRun {
  readonly seed: number
  readonly sources: readonly SourceScope[]
  readonly disturbance: LeadRunInit['disturbance']
  readonly mode: 'netns' | 'loopback'
  readonly nodes: number
  readonly uniqueBytes: number
  /** Bodies that upstream has sent. */
  readonly upstreamBytes: number
  readonly manifestBytes: number
  /** Upstream bytes divided by the bytes of what was asked for. */
  readonly upstreamRatio: number
  readonly pulls: number
  readonly failedPulls: number
  /** Why, each reason once. */
  readonly errors: readonly string[]
  readonly verifiedDigests: number
  readonly borders: readonly BorderCopies[]
  /** Of the slowest pull; without that of a node that was disturbed. */
  readonly durationMs: number
  /** For how long, after the disturbance, nothing of the largest layer came from upstream. */
  readonly standstillMs: number | undefined
  /** What came of the pull at the node that was disturbed, once that could go on. */
  readonly disturbedPull: 'completed' | 'failed' | undefined
}

/** All nodes pull one image at the same moment, and one of them may be disturbed; everything is made anew. */
export async function runLeads(init: LeadRunInit): Promise<LeadRun> {
  await using lab = await openLab(topologyOf(init), init.mode)
  const { address, launcher } = lab.upstream
  await using origin = await spawnOrigin({ address, port: lab.portAt(UPSTREAM_PORT) }, launcher)
  await using cluster = await startLayermesh({ lab, origin }, init)
  const clients = await startClients(lab, false)
  await using cleanup = new AsyncDisposableStack()
  cleanup.defer(() => stopClients(clients))

  const spec = leadsImage(init.seed, init.imageBytes)
  const { contents, uniqueBytes } = await origin.add('bench/app', spec, { tag: 'v1' })
  const image = { repository: 'bench/app', tag: 'v1', uniqueBytes, contents }
  const largest = contents.toSorted((a, b) => b.sizeBytes - a.sizeBytes)[0]
  if (largest === undefined) throw new RangeError('an image without contents')
  const lead = leadOf(largest.digest, lab.nodes, cluster)

  const linksBefore = await lab.linkBytes()
  const pull = async (node: Place): Promise<PullOutcome> => {
    const client = clients.get(node.name)
    if (client === undefined) throw new RangeError(`no client at ${node.name}`)
    const mirror = cluster.mirrorOf(node)
    return client.pull({
      ...{ mirror, upstream: origin.url, image, keep: false, fallback: false },
      signal: init.signal,
    })
  }
  const pulls = new Map(lab.nodes.map((node) => [node, pull(node)]))
  const { disturbance } = init
  const others = lab.nodes.filter((node) => disturbance === undefined || node !== lead)
  let standstillMs: number | undefined
  let disturbedPull: LeadRun['disturbedPull']
  let outcomes: PullOutcome[]
  const whenOthersDone = () => Promise.all(others.flatMap((node) => pulls.get(node) ?? []))
  if (disturbance === undefined) outcomes = await whenOthersDone()
  else {
    const sentBytes = async () => (await origin.account()).byDigest[largest.digest] ?? 0
    while ((await sentBytes()) < disturbance.atPart * largest.sizeBytes) await pause(init.signal)
    const undo = await disturb(disturbance.kind, lead, { lab, cluster })
    const over = new AbortController()
    const watching = longestStandstill(sentBytes, largest.sizeBytes, over.signal)
    outcomes = await whenOthersDone()
    over.abort()
    standstillMs = await watching
    await undo()
    const first = await pulls.get(lead)
    // A client whose pull has failed while its node could reach nobody tries again.
    const last = first?.error === undefined || disturbance.kind === 'kill' ? first : await pull(lead)
    if (disturbance.kind !== 'kill') disturbedPull = last?.error === undefined ? 'completed' : 'failed'
  }

  const account = await origin.account()
  const linksAfter = await lab.linkBytes()
  const isWhole = disturbance?.kind !== 'kill'
  const statuses = isWhole ? await Promise.all(lab.nodes.map((node) => statusAt(node, cluster))) : []
  const borders = (['region', 'site'] as const).flatMap((border) =>
    [...new Set(lab.nodes.map((node) => node[border]))].map((place): BorderCopies => {
      const index = lab.plan.links.findIndex(
        ({ kind, lower }) => kind === border && lower === `${border}-${place}`,
      )
      const before = linksBefore[index]
      const after = linksAfter[index]
      return {
        place: `${border} ${place}`,
        counted: isWhole ? cameIn(statuses, border, place) / uniqueBytes : undefined,
        onLink: before && after && (after.contentBytes - before.contentBytes) / uniqueBytes,
      }
    }),
  )
  const upstreamBytes = account.blobBytes + account.manifestBytes
  return {
    ...{ seed: init.seed, sources: init.sources, disturbance, mode: lab.mode, nodes: lab.nodes.length },
    ...{ uniqueBytes, upstreamBytes, manifestBytes: account.manifestBytes },
    upstreamRatio: upstreamBytes / account.uniqueBytes,
    pulls: outcomes.length,
    failedPulls: outcomes.filter(({ error }) => error !== undefined).length,
    errors: [...new Set(outcomes.flatMap(({ error }) => error ?? []))],
    verifiedDigests: outcomes.reduce((sum, outcome) => sum + outcome.verifiedDigests, 0),
    borders,
    durationMs: Math.max(...outcomes.map((outcome) => outcome.durationMs)),
    ...{ standstillMs, disturbedPull },
  }
}

function topologyOf({ nodesPerSite, upstreamRateBytesPerSecond }: LeadRunInit): Topology {
  const free = { rateBytesPerSecond: undefined, delayMs: 0 }
  const site = (name: string) => ({ name, nodes: nodesPerSite, link: free, nodeLink: free })
  const region = (name: string) => ({ name, link: free, sites: [site(`${name}-a`), site(`${name}-b`)] })
  return {
    upstreamLink: { ...free, rateBytesPerSecond: upstreamRateBytesPerSecond },
    cacheLink: free,
    regions: [region('eu'), region('us')],
  }
}

function leadOf(digest: string, nodes: readonly Place[], cluster: RunningLayermesh): Place {
  const byPeer = new Map(nodes.map((node) => [cluster.processAt(node).peerId as PeerId, node]))
  const [first] = rankByRendezvous(digest, [...byPeer.keys()])
  const node = first && byPeer.get(first)
  if (node === undefined) throw new RangeError('a cluster without nodes')
  return node
}

/** The longest time without growth until `sizeBytes` are there, or `signal` is aborted. */
async function longestStandstill(
  sentBytes: () => Promise<number>,
  sizeBytes: number,
  signal: AbortSignal,
): Promise<number> {
  let longestMs = 0
  let last = { bytes: await sentBytes(), atMs: performance.now() }
  while (!signal.aborted && last.bytes < sizeBytes) {
    await setTimeout(LOOK_EVERY_MS)
    const bytes = await sentBytes()
    if (bytes === last.bytes) continue
    longestMs = Math.max(longestMs, performance.now() - last.atMs)
    last = { bytes, atMs: performance.now() }
  }
  return Math.round(longestMs)
}

async function pause(signal: AbortSignal): Promise<void> {
  signal.throwIfAborted()
  await setTimeout(LOOK_EVERY_MS)
}

/** Asks on the node's own network. */
async function statusAt(node: Place, cluster: RunningLayermesh): Promise<NodeStatus> {
  const url = `${cluster.processAt(node).adminUrl}/api/v1/status`
  const script = `process.stdout.write(await (await fetch(${JSON.stringify(url)})).text())`
  const [command, ...args] = [...node.launcher, process.execPath, '--input-type=module', '-e', script]
  const { stdout } = await runCommand(command, args)
  return JSON.parse(stdout) as NodeStatus
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
