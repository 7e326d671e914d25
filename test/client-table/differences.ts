import { expectedOutcome } from './expected.ts'
import type { RowResult } from './run-clients.ts'

/**
 * A line for each cell that isn't what is expected, and for each client that is there and could not be started. One that could not be had
 * is none: not every machine has every suite.
 */
export function differences(results: readonly RowResult[]): string[] {
  return results.flatMap(({ row, version, problem, cells }) => {
    if (problem !== undefined) return version === undefined ? [] : [`${row.name}: ${problem}`]
    return cells.flatMap(({ scenario, outcome, error }) => {
      const expected = expectedOutcome(row, scenario)
      if (outcome === expected) return []
      const why = error === undefined ? '' : ` (${error})`
      return [`${row.name}, ${scenario}: ${outcome}, expected is ${expected}${why}`]
    })
  })
}
