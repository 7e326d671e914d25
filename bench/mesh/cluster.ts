import { setTimeout } from 'node:timers/promises'
import type { Locality } from '@layermesh/interface'
import { peakMemoryBytesOf } from '../support/process-cpu.ts'
import { percentile } from '../support/statistics.ts'
import { dueMs, type BlobRound } from './blob-round.ts'
import { ChildNode } from './child-node.ts'
import { CostMeter, type Cost } from './cost-meter.ts'
import type { MemberInit, MemberRequest, MembersAnswer, RoundAnswer } from './nodes/member.ts'
import { sharedTimeMs } from './shared-time.ts'

/** What is measured of a cluster. */
export interface ClusterInit {
  readonly nodes: number
  readonly nodesPerProcess: number
  /** How long each phase lasts over which costs are counted, in seconds. */
  readonly phaseSeconds: number
}

/** What was measured of a cluster; times in milliseconds. */
export interface ClusterResult extends ClusterInit {
  /** From the start of a node's process to its having all others as members. */
  readonly fullView: Percentiles
  /** From the start of the first process until every node has all others as members. */
  readonly allFullViewsMs: number
  /** What all this took of the processor, in seconds, with the start of the processes. */
  readonly formingCpuSeconds: number
  /** Nothing happens. */
  readonly idle: Cost
  /** A blob now and then. */
  readonly calm: Spreading
  /** {@link BUSY_BLOBS_PER_SECOND}. */
  readonly busy: Spreading & Cost
  /** Of a process. */
  readonly peakMemoryBytes: Percentiles
}

/** How new blobs became known. */
interface Spreading {
  readonly blobs: number
  /** From a commit to a node's knowing of it, for all nodes and blobs; milliseconds. */
  readonly known: Percentiles
  /** From a commit to the last node's knowing of it, for all blobs; milliseconds. */
  readonly knownEverywhere: Percentiles
  /** How late blobs were committed: of a machine that is too slow for all this; milliseconds. */
  readonly lateness: Percentiles
}

/** The middle, the slowest of a hundred, and the slowest. */
export interface Percentiles {
  readonly p50: number
  readonly p99: number
  readonly max: number
}

const REGIONS = 3
const SITES_PER_REGION = 2

const BUSY_BLOBS_PER_SECOND = 100
/** One in so many is watched: to look is work, too. */
const BUSY_WATCH_EVERY = 10
const CALM_BLOBS = 60
const CALM_EVERY_MS = 250

/** Time for what comes with joining, and for requests to reach all processes; in milliseconds. */
const SETTLE_MS = 10_000
const LEAD_MS = 1_000

/**
 * Starts a cluster on loopback and measures it. All that loopback carries is taken for the cluster's, so this runs in a
 * network namespace of its own.
 */
export async function measureCluster(init: ClusterInit): Promise<ClusterResult> {
  await using stack = new AsyncDisposableStack()
  const processes: ChildNode[] = []
  const start = (first: number, bootstrap: readonly string[]) => {
    const count = Math.min(init.nodesPerProcess, init.nodes - first)
    const here = Array.from({ length: count }, (_, index) => ({
      name: `node-${first + index}`,
      locality: localityOf(first + index),
    }))
    const child = new ChildNode('member', { nodes: init.nodes, first, here, bootstrap } satisfies MemberInit)
    processes.push(stack.use(child))
    return child
  }
  const startedAtMs = sharedTimeMs()
  // Alone, so that the others have somebody to join by.
  const founder = start(0, [])
  const { addresses } = await founder.ask<{ addresses: string[] }>({
    kind: 'addresses',
  } satisfies MemberRequest)
  for (let first = init.nodesPerProcess; first < init.nodes; first += init.nodesPerProcess) {
    start(first, addresses)
  }
  const views = await askAll<MembersAnswer>(processes, { kind: 'members', count: init.nodes - 1 })
  const meter = new CostMeter(processes, init.nodes)
  const formingCpuSeconds = await meter.cpuSeconds()

  await setTimeout(SETTLE_MS)
  const { cost: idle } = await meter.during(() => setTimeout(init.phaseSeconds * 1000))
  const calmRound = { name: 'calm', everyMs: CALM_EVERY_MS, count: CALM_BLOBS, watchEvery: 1 }
  const calm = await playRound(processes, calmRound)
  const busyRound = {
    name: 'busy',
    everyMs: 1000 / BUSY_BLOBS_PER_SECOND,
    count: BUSY_BLOBS_PER_SECOND * init.phaseSeconds,
    watchEvery: BUSY_WATCH_EVERY,
  }
  const { result: spreading, cost } = await meter.during(() => playRound(processes, busyRound))
  return {
    ...init,
    fullView: percentilesOf(views.flatMap((view) => view.atMs.map((atMs) => atMs - view.startedAtMs))),
    allFullViewsMs: Math.max(...views.flatMap(({ atMs }) => atMs)) - startedAtMs,
    formingCpuSeconds,
    idle,
    calm,
    busy: { ...spreading, ...cost },
    peakMemoryBytes: percentilesOf(await Promise.all(processes.map(({ pid }) => peakMemoryBytesOf(pid)))),
  }
}

function localityOf(node: number): Locality {
  const region = node % REGIONS
  return { region: `region-${region}`, site: `site-${Math.floor(node / REGIONS) % SITES_PER_REGION}` }
}

/** Has all nodes play a round, and waits until all know all that is watched. */
async function playRound(
  processes: readonly ChildNode[],
  plan: Omit<BlobRound, 'beginMs'>,
): Promise<Spreading> {
  const round: BlobRound = { ...plan, beginMs: sharedTimeMs() + LEAD_MS }
  const answers = await askAll<RoundAnswer>(processes, { kind: 'round', round })
  const committed = new Map(answers.flatMap((answer) => answer.committed))
  if (committed.size !== round.count)
    throw new Error(`${committed.size} of ${round.count} blobs were committed`)
  const known = answers
    .flatMap((answer) => answer.known)
    .map(([blob, atMs]) => ({ blob, tookMs: atMs - (committed.get(blob) ?? NaN) }))
  const lastKnown = Map.groupBy(known, ({ blob }) => blob)
    .values()
    .map((ofBlob) => Math.max(...ofBlob.map(({ tookMs }) => tookMs)))
  return {
    blobs: round.count,
    known: percentilesOf(known.map(({ tookMs }) => tookMs)),
    knownEverywhere: percentilesOf([...lastKnown]),
    lateness: percentilesOf([...committed].map(([blob, atMs]) => atMs - dueMs(round, blob))),
  }
}

function askAll<Answer>(processes: readonly ChildNode[], request: MemberRequest): Promise<Answer[]> {
  return Promise.all(processes.map((child) => child.ask<Answer>(request)))
}

function percentilesOf(values: readonly number[]): Percentiles {
  return { p50: percentile(values, 0.5), p99: percentile(values, 0.99), max: Math.max(...values) }
}
