import { parse, View } from 'vega'
import { compile, type TopLevelSpec } from 'vega-lite'

import type { Spread } from '../support/statistics.ts'
import type { ComparedPolicy } from './comparison.ts'

/** One panel: what it shows, from which figure, in which unit, on which scale. */
const PANELS = [
  { title: 'Byte hit ratio (%)', figure: 'byteHitRatio', unit: 0.01, scale: { zero: false } },
  {
    title: 'Re-fetched × link (GB, logarithmic)',
    figure: 'weightedRefetchedBytes',
    unit: 1e9,
    scale: { type: 'log' },
  },
  {
    title: 'All fetched × link (% of LRU)',
    figure: 'weightedFetchedOfLru',
    unit: 0.01,
    scale: { zero: false },
  },
  { title: 'From upstream (GB)', figure: 'upstreamBytes', unit: 1e9, scale: { zero: false } },
] as const

/** Draws the comparison as SVG: medians over the seeds as lines, the ends as bars. */
export async function plot(compared: readonly ComparedPolicy[]): Promise<string> {
  const policies = [...new Set(compared.map(({ policy }) => policy))]
  const spec: TopLevelSpec = {
    background: 'white',
    hconcat: PANELS.map(({ title, figure, unit, scale }) => ({
      title,
      width: 230,
      height: 220,
      data: { values: compared.map((line) => point(line, line[figure], unit)) },
      encoding: {
        x: {
          field: 'budget',
          type: 'ordinal',
          title: 'budget, % of what a node pulls',
          axis: { labelAngle: 0 },
        },
        xOffset: { field: 'policy', type: 'nominal', sort: policies },
        color: { field: 'policy', type: 'nominal', sort: policies, title: null },
      },
      layer: [
        {
          mark: { type: 'rule' },
          encoding: {
            y: { field: 'min', type: 'quantitative', title: null, scale },
            y2: { field: 'max' },
          },
        },
        {
          mark: { type: 'point', filled: true, size: 40 },
          encoding: { y: { field: 'median', type: 'quantitative', scale } },
        },
      ],
    })),
    config: { font: 'sans-serif', legend: { orient: 'bottom', labelLimit: 300 } },
  }
  return await new View(parse(compile(spec).spec), { renderer: 'none' }).toSVG()
}

function point({ policy, budgetPart }: ComparedPolicy, { median, min, max }: Spread, unit: number) {
  return { policy, budget: budgetPart * 100, median: median / unit, min: min / unit, max: max / unit }
}
