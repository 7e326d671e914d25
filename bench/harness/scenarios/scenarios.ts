import { BenchError } from '../bench-error.ts'
import { ciFleet } from './ci-fleet.ts'
import { leadKilled, slowPeer, upstreamOutage, warmRestart } from './failures.ts'
import { coldFanOut, edge, regions } from './fan-out.ts'
import { rollingUpdate } from './rolling-update.ts'
import type { Scenario } from './scenario.ts'

/** All scenarios; a new one is listed here. */
export const SCENARIOS: readonly Scenario[] = [
  coldFanOut,
  rollingUpdate,
  edge,
  regions,
  ciFleet,
  upstreamOutage,
  leadKilled,
  slowPeer,
  warmRestart,
]

/** The scenarios of these names; `all` is all of them. Throws a BenchError for an unknown name. */
export function scenariosByName(names: readonly string[]): Scenario[] {
  if (names.includes('all')) return [...SCENARIOS]
  return names.map((name) => {
    const found = SCENARIOS.find((scenario) => scenario.name === name)
    if (found !== undefined) return found
    const known = SCENARIOS.map((scenario) => scenario.name).join(', ')
    throw new BenchError(`there is no scenario ${name}: expected all or some of ${known}`)
  })
}
