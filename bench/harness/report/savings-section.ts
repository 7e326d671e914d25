import type { ResultFile } from './html-report.ts'
import { whereBehind } from './comparison.ts'
import { FAILED_TITLE, overviews, type Overview } from './overview.ts'

const START = '<!-- savings: written by `npm run bench:readme` from bench/results/savings.json -->'
const END = '<!-- /savings -->'

/** Puts the section on savings, made from a result, in the place of the one that `readme` has. Throws when it has none. */
export function withSavings(readme: string, result: ResultFile): string {
  const [before, rest] = readme.split(START)
  const after = rest?.split(END)[1]
  if (before === undefined || after === undefined) throw new RangeError(`the README has no ${START}`)
  return `${before}${START}\n\n${savingsSection(result)}\n\n${END}${after}`
}

function savingsSection({ scenarios, command, loadAverageAtStart, machine }: ResultFile): string {
  const [first] = scenarios
  const repeats = first?.contenders[0]?.summaries.length ?? 0
  const size = ((first?.imageBytes ?? 0) / 1024 ** 2).toFixed(0)
  const tables = overviews(scenarios)
    .filter(({ title }) => title !== FAILED_TITLE)
    .map(table)
  const behind = whereBehind(scenarios)
  return [
    `Images of ${size} MiB, medians of ${repeats} repeats on ${machine.cores} cores (${machine.cpu}; load average at the start ${loadAverageAtStart.toFixed(1)}). All figures are from`,
    '[bench/results/savings.json](bench/results/savings.json), which has every sample; with plots: [savings.html](bench/results/savings.html). What each scenario and',
    'each figure is: [docs/benchmarks.md](docs/benchmarks.md).',
    '',
    '```sh',
    command,
    '```',
    '',
    ...tables.flatMap((text) => [text, '']),
    `Pulls that failed, over all runs: ${failures(scenarios).join(', ')}.`,
    '',
    `layermesh is not ahead in ${behind.length} of the figures of these runs; the page lists all of them, and [docs/benchmarks.md](docs/benchmarks.md#where-it-is-not-ahead-and-why) says why.`,
  ].join('\n')
}

/** How many there were of each contender, such as `direct 3 of 120`. */
function failures(scenarios: ResultFile['scenarios']): string[] {
  const all = scenarios.flatMap(({ contenders }) => contenders)
  return [...new Set(all.map(({ contender }) => contender))].map((name) => {
    const summaries = all.filter(({ contender }) => contender === name).flatMap((result) => result.summaries)
    const total = (of: (summary: (typeof summaries)[number]) => number) =>
      summaries.reduce((sum, summary) => sum + of(summary), 0)
    return `${name} ${total(({ failedPulls }) => failedPulls)} of ${total(({ pulls }) => pulls)}`
  })
}

function table({ title, explanation, contenders, rows }: Overview): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return [
    `**${title}.** ${explanation}`,
    '',
    line(['scenario', ...contenders]),
    line(['---', ...contenders.map(() => '--:')]),
    ...rows.map(({ scenario, cells }) =>
      line([scenario, ...cells.map(({ text, isBest }) => (isBest ? `**${text}**` : text))]),
    ),
  ].join('\n')
}
