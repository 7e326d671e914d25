import { BenchError } from '../bench-error.ts'
import type { LabMode } from '../lab/open-lab.ts'
import { nodeCount, type Topology } from '../topology/topology.ts'
import type { Scenario } from './scenario.ts'

/** How many addresses of a site are kept for nodes. */
const MAX_NODES_OF_SITE = 200

/** What there is to play with. */
export interface PlayableDeps {
  readonly topology: Topology
  readonly mode: LabMode
  /** Why there can be no namespaces; undefined when there can. */
  readonly noNamespaces: string | undefined
}

/** Throws a BenchError when a scenario can't be played, before anything has been made for it. */
export function checkPlayable(scenario: Scenario, { topology, mode, noNamespaces }: PlayableDeps): void {
  const { name, needsLinks = false, minNodes = 1 } = scenario
  if (mode === 'netns' && noNamespaces !== undefined) throw new BenchError(noNamespaces)
  const noLinks = mode === 'loopback' ? 'loopback has none' : noNamespaces
  if (needsLinks && noLinks !== undefined) {
    throw new BenchError(`${name} needs links whose rates can be set: ${noLinks}`)
  }
  const nodes = nodeCount(topology)
  if (nodes < minNodes)
    throw new BenchError(`${name} needs at least ${minNodes} nodes: there would be ${nodes}`)
  const full = topology.regions.flatMap(({ sites }) => sites).find((site) => site.nodes > MAX_NODES_OF_SITE)
  if (full !== undefined) {
    throw new BenchError(
      `${full.nodes} nodes in the site ${full.name}: expected at most ${MAX_NODES_OF_SITE}`,
    )
  }
}
