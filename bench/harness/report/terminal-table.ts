import Table from 'cli-table3'

import type { ScenarioResult } from '../run-scenario.ts'
import { FIGURES, figureText } from './figures.ts'

/** A scenario's figures for a terminal: a line for each figure, a column for each contender. */
export function terminalTable({ title, contenders, mode, notMeasured }: ScenarioResult): string {
  const table = new Table({
    head: ['', ...contenders.map(({ contender }) => contender)],
    colAligns: ['left', ...contenders.map(() => 'right' as const)],
    style: { head: [], border: [], compact: true },
  })
  for (const figure of FIGURES) {
    table.push([figure.title, ...contenders.map(({ summaries }) => figureText(summaries, figure))])
  }
  const notes = notMeasured.map((note) => `not measured: ${note}`)
  return [`${title} (${mode})`, table.toString(), ...notes].join('\n')
}
