import { parseArgs } from 'node:util'

import { bytesPulledByNode, COUNT_FROM_MS, LINK_COST, NODES, SITE_SIZES } from './cluster.ts'
import { compare, type Sample } from './comparison.ts'
import { generateTrace } from './generate-trace.ts'
import { measurePlanning } from './planning-time.ts'
import { POLICIES } from './policies.ts'
import { LOW_WATER, replay } from './replay.ts'
import { writeReport } from './report.ts'
import { writeResult } from '../support/result-file.ts'

/**
 * Compares eviction policies on replayed traces: twelve nodes, each with a cache of its own, pull images for four weeks. What is
 * reported is over seeds that no policy was tuned on (that was on seeds 1 and 2).
 */
const DAYS = 28
const PULLS_PER_NODE_AND_DAY = 30
const FIRST_SEED = 101
const BUDGET_PARTS = [0.05, 0.1, 0.2, 0.4]

const { values: options } = parseArgs({ options: { seeds: { type: 'string', default: '5' } } })
const seeds = Array.from({ length: Number(options.seeds) }, (_, index) => FIRST_SEED + index)

const samples: Sample[] = []
const traces = seeds.map((seed) => {
  const trace = generateTrace({
    seed,
    days: DAYS,
    sites: SITE_SIZES,
    pullsPerNodeAndDay: PULLS_PER_NODE_AND_DAY,
  })
  const nodeBytes = bytesPulledByNode(trace)
  for (const budgetPart of BUDGET_PARTS) {
    for (const policy of POLICIES) {
      const budgetBytes = nodeBytes * budgetPart
      const result = replay({
        trace,
        nodes: NODES,
        budgetBytes,
        policy,
        linkCost: LINK_COST,
        countFromMs: COUNT_FROM_MS,
      })
      samples.push({ seed, policy: policy.name, budgetPart, ...result })
    }
    process.stderr.write(`seed ${seed}, budget ${budgetPart * 100} %  \r`)
  }
  return {
    seed,
    pulls: trace.pulls.length,
    blobs: trace.blobs.length,
    uniqueBytes: trace.uniqueBytes,
    uniqueBytesOfNode: nodeBytes,
  }
})

const result = {
  nodes: NODES,
  days: DAYS,
  linkCost: LINK_COST,
  lowWater: LOW_WATER,
  traces,
  planning: measurePlanning(),
  compared: compare(samples),
  samples,
}
const command = `npm run bench:eviction -- --seeds ${options.seeds}`
console.log(`raw samples: ${await writeResult('eviction', command, result)}`)
console.log(`report: ${(await writeReport(result)).join(', ')}`)
