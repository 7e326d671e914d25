import { loadavg } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

import { runCommand } from '../../test/support/run-command.ts'
import { printTables, writeTables, type ResultPage } from '../support/result-page.ts'
import { measureCarrier, CARRIERS, type CarrierSample } from './carriers.ts'
import type { ClusterInit, ClusterResult } from './cluster.ts'
import {
  readResults,
  replaceCluster,
  type Conditions,
  type MeshResults,
  writeResults,
} from './mesh-results.ts'
import { tablesOf } from './report.ts'

const USAGE = `npm run bench:mesh -- [--rounds 3] [--nodes 5,10,20] [--nodes-per-process 1] [--phase 15]

TLS beside noise, in so many rounds, and clusters of so many nodes: how long they take to form, how fast a new blob is known
everywhere, and what a node costs in a phase of so many seconds when nothing happens and with 100 new blobs a second.
Writes bench/results/mesh.json and docs/mesh.md; what isn't measured (--rounds 0, --nodes 0) stays as it is there.
Needs root: clusters run in a network namespace of their own.`

const PAGE: ResultPage = { path: 'docs/mesh.md', command: 'npm run bench:mesh' }

/** A cluster that has not been measured by then has lost a blob, or the machine is too slow for it. */
const CLUSTER_TIMEOUT_MS = 600_000

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    nodes: { type: 'string', default: '5,10,20' },
    'nodes-per-process': { type: 'string', default: '1' },
    phase: { type: 'string', default: '15' },
    help: { type: 'boolean', default: false },
  },
})

if (values.help) console.log(USAGE)
else {
  // Without it, the start of each process is mostly that of reading its sources anew.
  process.env['NODE_COMPILE_CACHE'] ??= fileURLToPath(
    new URL('../../node_modules/.cache/bench', import.meta.url),
  )
  const rounds = whole('rounds', values.rounds, 0)
  const sizes = values.nodes === '0' ? [] : values.nodes.split(',').map((text) => whole('nodes', text, 2))
  const nodesPerProcess = whole('nodes-per-process', values['nodes-per-process'], 1)
  const phaseSeconds = whole('phase', values.phase, 1)
  const command = `npm run bench:mesh -- ${process.argv.slice(2).join(' ')}`.trim()
  let results: MeshResults = await readResults()
  if (rounds > 0) {
    const [carriers, conditions] = await underConditions(command, () => measureCarriers(rounds))
    results = { ...results, carriers: { ...conditions, samples: carriers } }
    await writeResults(command, results)
  }
  for (const nodes of sizes) {
    console.error(`${nodes} nodes`)
    const init = { nodes, nodesPerProcess, phaseSeconds }
    const [cluster, conditions] = await underConditions(command, () => runCluster(init))
    // Each takes minutes: what has been measured isn't lost with the next one.
    results = replaceCluster(results, { ...conditions, ...cluster })
    await writeResults(command, results)
  }
  const tables = tablesOf(results)
  printTables(tables)
  await writeTables(PAGE, tables)
}

async function measureCarriers(rounds: number): Promise<readonly CarrierSample[]> {
  const samples: CarrierSample[] = []
  for (let round = 1; round <= rounds; round += 1) {
    for (const carrier of CARRIERS) {
      console.error(`round ${round} of ${rounds}: ${carrier}`)
      samples.push(await measureCarrier(carrier))
    }
  }
  return samples
}

async function runCluster(init: ClusterInit): Promise<ClusterResult> {
  const script = fileURLToPath(new URL('nodes/cluster-run.ts', import.meta.url))
  const inside = 'ip link set lo up && exec "$0" "$@"'
  const args = ['--net', 'sh', '-c', inside, process.execPath, script, JSON.stringify(init)]
  const { stdout } = await runCommand('unshare', args, { signal: AbortSignal.timeout(CLUSTER_TIMEOUT_MS) })
  return JSON.parse(stdout) as ClusterResult
}

async function underConditions<Result>(
  command: string,
  measure: () => Promise<Result>,
): Promise<[Result, Conditions]> {
  const date = new Date().toISOString()
  const loadBefore = loadavg()
  const result = await measure()
  return [result, { date, command, loadBefore, loadAfter: loadavg() }]
}

function whole(option: string, text: string, least: number): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < least) {
    console.error(`bench: --${option} has "${text}", allowed are whole numbers from ${least} on`)
    process.exit(2)
  }
  return value
}
