import { parseArgs } from 'node:util'

import { seededRandom } from '@layermesh/testkit'

import { Simulation, type SimulationInit } from './simulation.ts'

/**
 * Plays clusters of many shapes for as long as it is told, and says how many steps have run. A seed that fails is named:
 * put it into test/simulator.test.ts.
 */
const { values: options } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    'first-seed': { type: 'string', default: '1000' },
    'most-nodes': { type: 'string', default: '200' },
    steps: { type: 'string', default: '200' },
  },
})
const untilMs = performance.now() + Number(options.seconds) * 1000
const totals = {
  clusters: 0,
  steps: 0,
  events: 0,
  virtualHours: 0,
  pulls: 0,
  failed: 0,
  beats: 0,
  gossip: 0,
  syncs: 0,
}
for (let seed = Number(options['first-seed']); performance.now() < untilMs; seed += 1) {
  const init = shapeOf(seed)
  try {
    const report = await new Simulation(init).run()
    totals.clusters += 1
    totals.steps += report.steps
    totals.events += report.events
    totals.virtualHours += report.virtualSeconds / 3600
    totals.pulls += report.pulls.done + report.pulls.failed + report.pulls.abandoned
    totals.failed += report.pulls.failed
    totals.beats += report.messages.beats
    totals.gossip += report.messages.gossip
    totals.syncs += report.messages.syncs
    console.log(JSON.stringify({ ...init, ...report }))
  } catch (error) {
    console.error(`failed: ${JSON.stringify(init)}`)
    throw error
  }
}
console.log(JSON.stringify(totals))

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
