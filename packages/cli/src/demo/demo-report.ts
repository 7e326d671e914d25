import type { Traffic } from './demo-traffic.ts'
import type { DemoOptions } from './demo-plan.ts'
import { formatTable } from '../table.ts'
import { formatBytes } from '../units.ts'

/** What was measured in one phase of a demo. Every client of a phase pulls the same content. */
export interface PhaseResult extends Traffic {
  readonly name: 'cold start' | 'roll-out' | 'registry stopped'
  /** What was pulled: a tag of the image. */
  readonly version: string
  /** How the clients went about it. */
  readonly how: string
  /** How many clients pulled, each from a node of its own. */
  readonly pulls: number
  readonly seconds: number
  /** What the clients received and verified, by their own count. */
  readonly deliveredBytes: number
  /** What the registry sent, by its own count. */
  readonly upstreamBytes: number
  /** What one client received: the least that has to come from somewhere. */
  readonly uniqueBytes: number
}

/** A phase with what is derived from the measurements. */
export interface PhaseReport extends PhaseResult, Savings {
  /** How often the registry sent each byte, on average; 1 when it sent everything once. */
  readonly upstreamPerUnique: number
}

interface Savings {
  /** What the registry would have sent without layermesh, less what it did send. */
  readonly savedBytes: number
  readonly savedPercent: number
}

/** What `layermesh demo --json` prints. */
export interface DemoReport extends DemoOptions {
  readonly phases: readonly PhaseReport[]
  readonly total: Savings & {
    readonly seconds: number
    readonly deliveredBytes: number
    readonly upstreamBytes: number
    /** What the registry was needed for: the unique bytes of the phases in which it ran. */
    readonly uniqueBytes: number
  }
}

/** Derives the report from the measurements, in the order of the phases. */
export function reportDemo(options: DemoOptions, phases: readonly PhaseResult[]): DemoReport {
  const total = (bytesOf: (phase: PhaseResult) => number) =>
    phases.reduce((sum, phase) => sum + bytesOf(phase), 0)
  const deliveredBytes = total((phase) => phase.deliveredBytes)
  const upstreamBytes = total((phase) => phase.upstreamBytes)
  return {
    ...options,
    phases: phases.map((phase) => ({
      ...phase,
      upstreamPerUnique: phase.upstreamBytes / phase.uniqueBytes,
      ...savingsOf(phase.deliveredBytes, phase.upstreamBytes),
    })),
    total: {
      seconds: total(({ seconds }) => seconds),
      deliveredBytes,
      upstreamBytes,
      uniqueBytes: total(({ name, uniqueBytes }) => (name === 'registry stopped' ? 0 : uniqueBytes)),
      ...savingsOf(deliveredBytes, upstreamBytes),
    },
  }
}

function savingsOf(deliveredBytes: number, upstreamBytes: number): Savings {
  const savedBytes = deliveredBytes - upstreamBytes
  return { savedBytes, savedPercent: (100 * savedBytes) / deliveredBytes }
}

/** The report for people: a column for each phase, then what it comes down to. */
export function reportText(report: DemoReport): string {
  return `${tableOf(report)}\n${summaryOf(report)}\n`
}

function tableOf({ phases }: DemoReport): string {
  const row = (title: string, cellOf: (phase: PhaseReport) => string) => [title, ...phases.map(cellOf)]
  const bytesRow = (title: string, bytesOf: (phase: PhaseReport) => number) =>
    row(title, (phase) => formatBytes(bytesOf(phase)))
  const line = row('', () => '')
  return formatTable(
    ['left', ...phases.map(() => 'right' as const)],
    [
      row('', ({ name }) => name.toUpperCase()),
      row('', ({ version, how }) => `${version}, ${how}`),
      line,
      row('time', ({ seconds }) => `${seconds.toFixed(1)} s`),
      bytesRow('pulled by the clients', ({ deliveredBytes }) => deliveredBytes),
      bytesRow("  from their own node's disk", ({ servedBytes }) => servedBytes.cache),
      bytesRow('  from a node of the same site', ({ servedBytes }) => servedBytes.site),
      bytesRow('  from a node of the other site', ({ servedBytes }) => servedBytes.region),
      bytesRow('  from the registry', ({ servedBytes }) => servedBytes.upstream),
      bytesRow('carried between the sites', ({ fetchedBytes }) => fetchedBytes.region),
      line,
      bytesRow('sent by the registry, its own count', ({ upstreamBytes }) => upstreamBytes),
      bytesRow('unique bytes among those pulled', ({ uniqueBytes }) => uniqueBytes),
      row('registry / unique', ({ upstreamPerUnique }) => upstreamPerUnique.toFixed(2)),
      bytesRow('saved', ({ savedBytes }) => savedBytes),
      row('', ({ savedPercent }) => `${savedPercent.toFixed(1)} %`),
    ],
  )
}

function summaryOf({ nodes, total }: DemoReport): string {
  const { deliveredBytes, savedBytes, savedPercent, uniqueBytes, upstreamBytes } = total
  const times = (upstreamBytes / uniqueBytes).toFixed(2)
  const howOften = times === '1.00' ? 'every byte once' : `${times} times what was needed`
  return [
    `${nodes + 1} nodes pulled ${formatBytes(deliveredBytes)}; the registry sent ${formatBytes(upstreamBytes)}, ${howOften}.`,
    `The other ${formatBytes(savedBytes)} (${savedPercent.toFixed(1)} %) came from the nodes themselves.`,
  ].join('\n')
}
