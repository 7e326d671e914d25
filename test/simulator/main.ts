import { parseArgs } from 'node:util'

import { seededRandom } from '@layermesh/testkit'

import { describeRun } from '../../bench/support/result-file.ts'
import { writeSimulatorResult, type PlayedCluster } from './simulator-result.ts'
import { Simulation, type SimulationInit } from './simulation.ts'

/**
 * Plays clusters of many shapes for as long as it is told, or those of the sizes in `--nodes`, and says how many steps have run.
 * A seed that fails is named: put it into test/simulator.test.ts. `--write` adds what was played to the results.
 */
const { values: options } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    'first-seed': { type: 'string', default: '1000' },
    'most-nodes': { type: 'string', default: '200' },
    steps: { type: 'string', default: '200' },
    nodes: { type: 'string' },
    regions: { type: 'string' },
    write: { type: 'boolean', default: false },
  },
})
/** What the sites of a region are in a cluster whose size is given. */
const SITES_PER_REGION = 4
/** And how large a region is there, unless `--regions` says how many there are. */
const NODES_PER_REGION = 100

// Failures are part of what is played; where they come from is not looked at.
Error.stackTraceLimit = 0
const given = process.argv.slice(2).filter((argument) => argument !== '--write')
const description = describeRun(`npm run test:simulator -- ${given.join(' ')}`)
const clusters: PlayedCluster[] = []
for (const init of shapes()) {
  try {
    const before = process.cpuUsage()
    const report = await new Simulation(init).run()
    const { user, system } = process.cpuUsage(before)
    const peakMemoryBytes = process.resourceUsage().maxRSS * 1024
    const cluster = { ...init, ...report, processorSeconds: (user + system) / 1e6, peakMemoryBytes }
    clusters.push(cluster)
    console.log(JSON.stringify(cluster))
  } catch (error) {
    console.error(`failed: ${JSON.stringify(init)}`)
    throw error
  }
}
const steps = clusters.reduce((sum, cluster) => sum + cluster.steps, 0)
console.log(`${clusters.length} clusters, ${steps} steps`)
if (options.write) await writeSimulatorResult({ ...description, clusters })

function* shapes(): Generator<SimulationInit, void> {
  const firstSeed = Number(options['first-seed'])
  if (options.nodes !== undefined) {
    for (const [index, nodes] of options.nodes.split(',').map(Number).entries()) {
      const regions = Number(options.regions ?? Math.max(2, Math.round(nodes / NODES_PER_REGION)))
      const fixed = { sitesPerRegion: SITES_PER_REGION, steps: Number(options.steps) }
      yield { seed: firstSeed + index, nodes, regions, ...fixed }
    }
    return
  }
  const untilMs = performance.now() + Number(options.seconds) * 1000
  for (let seed = firstSeed; performance.now() < untilMs; seed += 1) yield shapeOf(seed)
}

/** Small clusters more often than large ones: more happens between any two of their nodes. */
function shapeOf(seed: number): SimulationInit {
  const random = seededRandom(seed)
  const most = Number(options['most-nodes'])
  return {
    seed,
    nodes: Math.max(3, Math.round(most ** (0.4 + 0.6 * random()))),
    regions: 1 + Math.floor(random() * 4),
    sitesPerRegion: 1 + Math.floor(random() * 4),
    steps: Number(options.steps),
  }
}
