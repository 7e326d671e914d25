import { parse, View } from 'vega'
import { compile, type TopLevelSpec } from 'vega-lite'

import { spreadOver } from '../measures/summary.ts'
import { LINK_KINDS } from '../topology/network-plan.ts'
import type { ContenderResult, ScenarioResult } from '../run-scenario.ts'

const MiB = 1024 ** 2
const WIDTH = 420
const HEIGHT = 240

const CONFIG: TopLevelSpec['config'] = {
  font: 'system-ui, sans-serif',
  background: 'white',
  axis: { labelFontSize: 12, titleFontSize: 12, titleFontWeight: 'normal', grid: true, gridColor: '#eee' },
  legend: { orient: 'bottom', title: null, labelFontSize: 12, labelLimit: 0 },
  // Okabe and Ito: told apart by people who don't see all colours, too.
  range: { category: ['#999999', '#E69F00', '#56B4E9', '#009E73', '#CC79A7', '#D55E00'] },
}

/** A plot as SVG, and what it shows. */
export interface Plot {
  readonly title: string
  readonly svg: string
}

/** The plots of a scenario; those that it has no data for are left out. */
export async function plotsOf(result: ScenarioResult): Promise<Plot[]> {
  const order = result.contenders.map(({ contender }) => contender)
  const color = { field: 'contender', type: 'nominal', sort: order, scale: { domain: order } } as const
  const plots = [
    {
      title: 'Bytes by link, MiB (line: the least that has to cross it)',
      values: result.contenders.flatMap(bytesByLink),
      spec: {
        encoding: {
          x: { field: 'link', type: 'nominal', sort: [...LINK_KINDS], title: null, axis: { labelAngle: 0 } },
        },
        layer: [
          {
            mark: { type: 'bar' },
            encoding: {
              xOffset: { field: 'contender', type: 'nominal', sort: order },
              y: { field: 'mib', type: 'quantitative', title: 'MiB towards the nodes' },
              color,
            },
          },
          {
            mark: { type: 'tick', thickness: 2, color: 'black', width: { band: 0.9 } },
            encoding: { y: { field: 'optimum', type: 'quantitative' } },
          },
        ],
      },
    },
    {
      title: 'Pull times: part of the pulls that have ended by then',
      values: result.contenders.flatMap(pullTimes),
      spec: {
        mark: { type: 'line', interpolate: 'step-after' },
        encoding: {
          x: { field: 'seconds', type: 'quantitative', title: 'seconds' },
          y: { field: 'part', type: 'quantitative', title: 'part of all pulls', scale: { domain: [0, 1] } },
          color,
        },
      },
    },
    {
      title: 'What upstream has sent, MiB, in the first repeat',
      values: result.contenders.flatMap(upstreamOverTime),
      spec: {
        mark: { type: 'line' },
        encoding: {
          x: { field: 'seconds', type: 'quantitative', title: 'seconds of measured phases' },
          y: { field: 'mib', type: 'quantitative', title: 'MiB' },
          color,
        },
      },
    },
    {
      title: 'Pulls of the first repeat, from start to end',
      values: result.contenders.flatMap(pullBars),
      spec: {
        mark: { type: 'bar', height: { band: 0.7 } },
        encoding: {
          x: { field: 'start', type: 'quantitative', title: 'seconds since the first start' },
          x2: { field: 'end' },
          y: { field: 'row', type: 'ordinal', title: 'pulls', axis: { labels: false, ticks: false } },
          color,
        },
      },
    },
  ]
  const drawn: Plot[] = []
  for (const { title, values, spec } of plots) {
    if (values.length > 0)
      drawn.push({ title, svg: await draw({ ...spec, data: { values } } as TopLevelSpec) })
  }
  return drawn
}

/** One bar for each contender and scenario: how often upstream had to send each byte. Undefined when nothing was asked of it. */
export async function upstreamPlot(scenarios: readonly ScenarioResult[]): Promise<Plot | undefined> {
  const order = [
    ...new Set(scenarios.flatMap(({ contenders }) => contenders.map(({ contender }) => contender))),
  ]
  const values = scenarios.flatMap(({ scenario, contenders }) =>
    contenders.flatMap(({ contender, summaries }) => {
      const copies = spreadOver(summaries, ({ upstreamRatio }) => upstreamRatio)?.median
      return copies === undefined ? [] : [{ scenario, contender, copies }]
    }),
  )
  if (values.length === 0) return undefined
  const svg = await draw({
    width: 2 * WIDTH,
    data: { values },
    mark: { type: 'bar' },
    encoding: {
      x: { field: 'scenario', type: 'nominal', sort: null, title: null, axis: { labelAngle: 0 } },
      xOffset: { field: 'contender', type: 'nominal', sort: order },
      y: { field: 'copies', type: 'quantitative', title: 'copies' },
      color: { field: 'contender', type: 'nominal', sort: order, scale: { domain: order } },
    },
  })
  return { title: 'Copies of each byte that the registry had to send', svg }
}

async function draw(spec: TopLevelSpec): Promise<string> {
  const sized = { width: WIDTH, height: HEIGHT, config: CONFIG, ...spec } as TopLevelSpec
  return await new View(parse(compile(sized).spec), { renderer: 'none' }).toSVG()
}

function bytesByLink({ contender, summaries }: ContenderResult) {
  return (summaries[0]?.links ?? [])
    .filter(({ contentBytes, optimumBytes }) => contentBytes + optimumBytes > 0)
    .map(({ kind, contentBytes, optimumBytes }) => ({
      contender,
      link: kind,
      mib: contentBytes / MiB,
      optimum: optimumBytes / MiB,
    }))
}

/** Over all repeats; pulls that failed never end, so a line with failures stays below 1. */
function pullTimes({ contender, runs }: ContenderResult) {
  const pulls = runs.flatMap(({ phases }) => phases.flatMap((phase) => phase.pulls))
  const durations = pulls.filter(({ error }) => error === undefined).map(({ durationMs }) => durationMs)
  return [0, ...durations.toSorted((a, b) => a - b)].map((ms, index) => ({
    contender,
    seconds: ms / 1000,
    part: pulls.length === 0 ? 0 : index / pulls.length,
  }))
}

function upstreamOverTime({ contender, runs }: ContenderResult) {
  const timeline = runs[0]?.timeline ?? []
  const [first] = timeline
  const phases = runs[0]?.phases ?? []
  if (first === undefined) return []
  return timeline.map(({ atMs, upstreamBytes }) => ({
    contender,
    // The time between phases is left out: nothing of it is measured.
    seconds:
      phases.reduce((sum, { startedAtMs, durationMs }) => sum + within(atMs - startedAtMs, durationMs), 0) /
      1000,
    mib: (upstreamBytes - first.upstreamBytes) / MiB,
  }))
}

function pullBars({ contender, runs }: ContenderResult) {
  const phases = runs[0]?.phases ?? []
  let before = 0
  return phases
    .flatMap(({ pulls, startedAtMs, durationMs }) => {
      const shift = before
      before += durationMs
      return pulls.map((pull) => ({
        start: shift + pull.startedAtMs - startedAtMs,
        durationMs: pull.durationMs,
      }))
    })
    .toSorted((a, b) => a.start - b.start)
    .map(({ start, durationMs }, index) => ({
      contender,
      row: `${contender} ${String(index).padStart(4, '0')}`,
      start: start / 1000,
      end: (start + durationMs) / 1000,
    }))
}

function within(value: number, max: number): number {
  return Math.min(Math.max(value, 0), max)
}
