import type { ResultTable } from '../support/result-page.ts'
import { spreadOf } from '../support/statistics.ts'
import type { LeadRun } from './lead-run.ts'

const MIB = 1024 ** 2

/** The tables of docs/leads.md for which there are runs. */
export function tablesOf(runs: readonly LeadRun[]): readonly ResultTable[] {
  const together = runs.filter(({ disturbance }) => disturbance === undefined)
  const disturbed = runs.filter(({ disturbance }) => disturbance !== undefined)
  return [
    ...(together.length === 0 ? [] : [togetherTable(together)]),
    ...(disturbed.length === 0 ? [] : [takeoversTable(disturbed)]),
  ]
}

function togetherTable(runs: readonly LeadRun[]): ResultTable {
  const orders = Map.groupBy(runs, ({ sources }) => sources.join(', '))
  return {
    name: 'pulls at the same moment',
    head: [
      'sources',
      'nodes',
      'seeds',
      'MiB of an image, about',
      'from upstream, copies',
      'most into a region, copies',
      'most into a site, copies',
      'on its link, copies',
      'failed pulls, of all',
      'slowest pull, s: median (least–most)',
    ],
    rows: [...orders].map(([sources, ofOrder]) => [
      sources,
      range(
        ofOrder.map(({ nodes }) => nodes),
        0,
      ),
      String(ofOrder.length),
      range(
        ofOrder.map(({ uniqueBytes }) => uniqueBytes / MIB),
        0,
      ),
      range(ofOrder.map(({ upstreamRatio }) => upstreamRatio)),
      range(ofOrder.flatMap((run) => mostInto(run, 'region', 'counted') ?? [])),
      range(ofOrder.flatMap((run) => mostInto(run, 'site', 'counted') ?? [])),
      range(ofOrder.flatMap((run) => mostInto(run, 'site', 'onLink') ?? [])),
      `${sum(ofOrder, 'failedPulls')} of ${sum(ofOrder, 'pulls')}`,
      slowest(ofOrder),
    ]),
  }
}

function takeoversTable(runs: readonly LeadRun[]): ResultTable {
  return {
    name: 'takeovers',
    head: [
      'the lead',
      'when of its largest layer had come, %',
      'nodes, MiB of the image',
      'mesh.stallTimeout, in a site and beyond',
      'from upstream, copies',
      'nothing came for, s',
      'failed pulls at the others, of all',
      'its own pull',
      'slowest pull, s',
    ],
    rows: runs.map((run) => [
      { kill: 'is killed', stop: 'is stopped', partition: 'is cut off' }[run.disturbance?.kind ?? 'kill'],
      String((run.disturbance?.atPart ?? 0) * 100),
      `${run.nodes}, ${Math.round(run.uniqueBytes / MIB)}`,
      `${run.stallTimeout.site}, ${run.stallTimeout.beyond}`,
      run.upstreamRatio.toFixed(3),
      ((run.standstillMs ?? 0) / 1000).toFixed(2),
      `${run.failedPulls} of ${run.pulls}`,
      run.disturbedPull ?? '',
      (run.durationMs / 1000).toFixed(1),
    ]),
  }
}

/** The most that has come into one place of a kind. */
function mostInto({ borders }: LeadRun, kind: string, measure: 'counted' | 'onLink'): number | undefined {
  const known = borders.flatMap((border) =>
    border.place.startsWith(`${kind} `) ? (border[measure] ?? []) : [],
  )
  return known.length === 0 ? undefined : Math.max(...known)
}

function range(values: readonly number[], digits = 3): string {
  if (values.length === 0) return ''
  const [least, most] = [Math.min(...values).toFixed(digits), Math.max(...values).toFixed(digits)]
  return least === most ? least : `${least}–${most}`
}

function sum(runs: readonly LeadRun[], what: 'failedPulls' | 'pulls'): number {
  return runs.reduce((total, run) => total + run[what], 0)
}

function slowest(runs: readonly LeadRun[]): string {
  const { median, min, max } = spreadOf(runs.map(({ durationMs }) => durationMs / 1000))
  return `${median.toFixed(1)} (${min.toFixed(1)}–${max.toFixed(1)})`
}
