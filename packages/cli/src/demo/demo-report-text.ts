import { formatTable } from '../table.ts'
import { formatBytes } from '../units.ts'
import type { DemoReport, PhaseReport } from './demo-report.ts'

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
