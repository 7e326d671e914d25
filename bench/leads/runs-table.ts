import type { LeadRun } from './lead-run.ts'

/** A table in Markdown with one line for each run. */
export function runsTable(runs: readonly LeadRun[]): string {
  const head = [
    'sources',
    'seed',
    'disturbed',
    'upstream',
    'into regions',
    'into sites',
    'failed pulls',
    'standstill',
    'slowest pull',
  ]
  const rows = runs.map((run) => {
    const { disturbance } = run
    return [
      run.sources.join(', '),
      String(run.seed),
      disturbance === undefined ? '' : `${disturbance.kind} at ${disturbance.atPart * 100} %`,
      run.upstreamRatio.toFixed(3),
      mostInto(run, 'region'),
      mostInto(run, 'site'),
      `${run.failedPulls} of ${run.pulls}`,
      run.standstillMs === undefined ? '' : `${(run.standstillMs / 1000).toFixed(2)} s`,
      `${(run.durationMs / 1000).toFixed(1)} s`,
    ]
  })
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

/** The most that has come into one place: as nodes have counted it, and on the link. */
function mostInto({ borders }: LeadRun, kind: string): string {
  const of = borders.filter(({ place }) => place.startsWith(`${kind} `))
  const most = (values: readonly (number | undefined)[]) => {
    const known = values.filter((value) => value !== undefined)
    return known.length === 0 ? '–' : Math.max(...known).toFixed(3)
  }
  return `${most(of.map(({ counted }) => counted))} (${most(of.map(({ onLink }) => onLink))})`
}
