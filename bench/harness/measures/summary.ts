import { percentile, spreadOf, type Spread } from '../../support/statistics.ts'
import { LINK_KINDS, type LinkKind, type PlannedLink } from '../topology/network-plan.ts'
import { lowerBoundMs } from './demand.ts'
import type { RunSample } from './samples.ts'

const GiB = 1024 ** 3

/** Bytes over all links of one kind. */
interface LinkKindSummary {
  readonly kind: LinkKind
  readonly contentBytes: number
  readonly returnBytes: number
  readonly optimumBytes: number
}

/** What one run comes to. Ratios are undefined when there was nothing to divide by. */
export interface RunSummary {
  readonly upstreamBytes: number
  readonly uniqueBytes: number
  readonly upstreamRatio: number | undefined
  readonly links: readonly LinkKindSummary[]
  readonly makespanMs: number
  readonly lowerBoundMs: number
  readonly makespanRatio: number | undefined
  readonly pulls: number
  readonly failedPulls: number
  readonly pullMs: { readonly p50: number; readonly p99: number; readonly max: number } | undefined
  readonly firstByteMs: { readonly p50: number; readonly p99: number } | undefined
  readonly deliveredBytes: number
  readonly verifiedDigests: number
  readonly cpuSecondsPerGiB: number | undefined
  readonly peakMemoryBytes: number
}

/** Sums up the measured phases of a run. */
export function summarise(links: readonly PlannedLink[], run: RunSample): RunSummary {
  const { phases } = run
  const total = (of: (phase: RunSample['phases'][number]) => number) =>
    phases.reduce((sum, phase) => sum + of(phase), 0)
  const upstreamLink = links.find(({ kind }) => kind === 'upstream')?.name
  const uniqueBytes = total(({ demand }) => demand.find(({ link }) => link === upstreamLink)?.bytes ?? 0)
  const upstreamBytes = total((phase) => phase.upstreamBytes)
  const pulls = phases.flatMap((phase) => phase.pulls)
  const good = pulls.filter(({ error }) => error === undefined)
  const durations = good.map(({ durationMs }) => durationMs)
  const firstBytes = good.flatMap(({ firstByteMs }) => firstByteMs ?? [])
  const deliveredBytes = good.reduce((sum, { bytes }) => sum + bytes, 0)
  const makespanMs = total(makespanOf)
  const boundMs = total(({ demand }) => lowerBoundMs(links, demand))
  const hasLinks = phases.some((phase) => phase.links.length > 0)
  return {
    upstreamBytes,
    uniqueBytes,
    upstreamRatio: ratio(upstreamBytes, uniqueBytes),
    links: hasLinks ? LINK_KINDS.map((kind) => sumOfKind(kind, links, run)) : [],
    makespanMs,
    lowerBoundMs: boundMs,
    makespanRatio: hasLinks ? ratio(makespanMs, boundMs) : undefined,
    pulls: pulls.length,
    failedPulls: pulls.length - good.length,
    pullMs:
      durations.length === 0
        ? undefined
        : { p50: percentile(durations, 0.5), p99: percentile(durations, 0.99), max: Math.max(...durations) },
    firstByteMs:
      firstBytes.length === 0
        ? undefined
        : { p50: percentile(firstBytes, 0.5), p99: percentile(firstBytes, 0.99) },
    deliveredBytes,
    verifiedDigests: good.reduce((sum, { verifiedDigests }) => sum + verifiedDigests, 0),
    cpuSecondsPerGiB: ratio(
      total(({ cpuSeconds }) => cpuSeconds),
      deliveredBytes / GiB,
    ),
    peakMemoryBytes: Math.max(0, ...Object.values(run.peakMemoryBytes)),
  }
}

/** From the first start of a pull to the last end of one, by the clients' own clocks. */
function makespanOf({ pulls }: RunSample['phases'][number]): number {
  if (pulls.length === 0) return 0
  const start = Math.min(...pulls.map(({ startedAtMs }) => startedAtMs))
  return Math.max(...pulls.map(({ startedAtMs, durationMs }) => startedAtMs + durationMs)) - start
}

function sumOfKind(kind: LinkKind, links: readonly PlannedLink[], { phases }: RunSample): LinkKindSummary {
  const names = new Set(links.filter((link) => link.kind === kind).map(({ name }) => name))
  const counted = phases.flatMap((phase) => phase.links).filter(({ link }) => names.has(link))
  const demand = phases.flatMap((phase) => phase.demand).filter(({ link }) => names.has(link))
  return {
    kind,
    contentBytes: counted.reduce((sum, { contentBytes }) => sum + contentBytes, 0),
    returnBytes: counted.reduce((sum, { returnBytes }) => sum + returnBytes, 0),
    optimumBytes: demand.reduce((sum, { bytes }) => sum + bytes, 0),
  }
}

function ratio(value: number, of: number): number | undefined {
  return of === 0 ? undefined : value / of
}

/** The middle and the ends of a figure over repeats; undefined when a repeat lacks it. */
export function spreadOver(
  summaries: readonly RunSummary[],
  figure: (summary: RunSummary) => number | undefined,
): Spread | undefined {
  const values = summaries.map(figure).filter((value) => value !== undefined)
  return values.length === summaries.length && values.length > 0 ? spreadOf(values) : undefined
}
