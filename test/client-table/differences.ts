import { expectedOutcome } from './expected.ts'
import type { RowResult } from './run-clients.ts'

/** A line for each cell that isn't what is expected. */
export function differences(results: readonly RowResult[]): string[] {
  return results.flatMap(({ row, cells }) =>
    cells.flatMap(({ scenario, outcome, error }) => {
      const expected = expectedOutcome(row, scenario)
      if (outcome === expected) return []
      const why = error === undefined ? '' : ` (${error})`
      return [`${row.name}, ${scenario}: ${outcome}, expected is ${expected}${why}`]
    }),
  )
}
