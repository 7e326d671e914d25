import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

import { format, resolveConfig } from 'prettier'

import type { Spread } from '../support/statistics.ts'
import type { ComparedPolicy } from './comparison.ts'
import type { PlanningTime } from './planning-time.ts'
import { plot } from './plot.ts'

const PAGE = fileURLToPath(new URL('../../docs/eviction.md', import.meta.url))
const PLOT = fileURLToPath(new URL('../../docs/eviction.svg', import.meta.url))

const GB = 1e9
const PERCENT = 0.01

/** Brings the table and the plot in docs/ up to date with a result; returns their paths from the top of the repository. */
export async function writeReport(result: {
  readonly compared: readonly ComparedPolicy[]
  readonly planning: PlanningTime
}): Promise<string[]> {
  let page = await readFile(PAGE, 'utf8')
  page = replaceBlock(page, 'comparison', comparisonTable(result.compared))
  page = replaceBlock(page, 'planning', planningSentence(result.planning))
  const style = await resolveConfig(PAGE)
  await writeFile(PAGE, await format(page, { ...style, parser: 'markdown' }))
  await writeFile(PLOT, await plot(result.compared))
  return ['docs/eviction.md', 'docs/eviction.svg']
}

/** Replaces what is between the comments that mark a generated block. */
function replaceBlock(page: string, name: string, content: string): string {
  const [start, end] = [`<!-- ${name}: written by npm run bench:eviction -->`, `<!-- end of ${name} -->`]
  const from = page.indexOf(start)
  const to = page.indexOf(end)
  if (from === -1 || to < from) throw new Error(`docs/eviction.md has no block ${name}`)
  return `${page.slice(0, from)}${start}\n\n${content}\n\n${page.slice(to)}`
}

function comparisonTable(compared: readonly ComparedPolicy[]): string {
  const rows = compared.map((line) => [
    `${Math.round(line.budgetPart * 100)} %`,
    line.policy,
    spread(line.byteHitRatio, PERCENT, 1),
    spread(line.refetchedBytes, GB),
    spread(line.weightedRefetchedOfLru, PERCENT),
    spread(line.weightedFetchedOfLru, PERCENT),
    spread(line.upstreamBytes, GB),
    middle(line.worldBytes, GB),
    middle(line.lastCopiesLost, 1),
    middle(line.lastCopyBytesMissed, GB),
  ])
  const head = [
    'budget',
    'policy',
    'byte hit ratio, %',
    're-fetched, GB',
    're-fetched × link, % of LRU',
    'all fetched × link, % of LRU',
    'from upstream, GB',
    'between regions, GB',
    'last copies lost',
    'of them missed, GB',
  ]
  const alignments = head.map((_, column) => (column < 2 ? '---' : '--:'))
  return [head, alignments, ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

/** The median, and the ends in brackets. */
function spread(figure: Spread, unit: number, digits = 0): string {
  const [least, most] = [figure.min, figure.max].map((value) => (value / unit).toFixed(digits))
  return `${middle(figure, unit, digits)} (${least}–${most})`
}

function middle({ median }: Spread, unit: number, digits = 0): string {
  return (median / unit).toFixed(digits)
}

function planningSentence({
  candidates,
  weighMs,
  chooseMs,
  firstWeighMs,
  firstChooseMs,
}: PlanningTime): string {
  const [weigh, choose, firstWeigh, firstChoose] = [weighMs, chooseMs, firstWeighMs, firstChooseMs].map(
    (ms) => ms.toFixed(1),
  )
  return (
    `With ${candidates.toLocaleString('en')} candidates, weighing takes ${weigh} ms in all and choosing a tenth of the ` +
    `bytes ${choose} ms (medians; ${firstWeigh} ms and ${firstChoose} ms the first time, before the code is compiled).`
  )
}
