import { parseArgs } from 'node:util'
import { fileURLToPath } from 'node:url'

import type { SourceScope } from '@layermesh/interface'

import { writeResult } from '../support/result-file.ts'
import { removeLeftovers } from '../harness/lab/run-folder.ts'
import { DISTURBANCES } from './disturbance.ts'
import { type LeadRun, type LeadRunInit, runLeads } from './lead-run.ts'
import { runsTable } from './runs-table.ts'

const USAGE = `npm run bench:leads -- [--image-mib 300] [--seeds 10] [--nodes-per-site 4] [--parts 0.1,0.5,0.9] [--stall 500ms,2s]

All nodes of two regions with two sites each pull one cold image at the same moment: with each order of sources and each
seed, and then while the lead of the largest layer is killed, stopped and cut off. Writes bench/results/leads.json.`

const ORDERS: readonly (readonly SourceScope[])[] = [
  ['site', 'region', 'world', 'upstream'],
  ['site', 'region', 'upstream', 'world'],
]
const RUN_TIMEOUT_MS = 300_000
const MiB = 1024 * 1024

const { values } = parseArgs({
  options: {
    'image-mib': { type: 'string', default: '300' },
    seeds: { type: 'string', default: '10' },
    'nodes-per-site': { type: 'string', default: '4' },
    parts: { type: 'string', default: '0.1,0.5,0.9' },
    stall: { type: 'string', default: '500ms,2s' },
    help: { type: 'boolean', default: false },
  },
})

if (values.help) console.log(USAGE)
else {
  // Without it, most of a run's time is that of reading the sources of each node anew.
  process.env['NODE_COMPILE_CACHE'] ??= fileURLToPath(
    new URL('../../node_modules/.cache/bench', import.meta.url),
  )
  await removeLeftovers()
  // A machine that a whole cluster shares makes nodes stand still that are well: there it has to be longer.
  const [site = '500ms', beyond = site] = values.stall.split(',')
  const base = {
    imageBytes: positive('image-mib') * MiB,
    nodesPerSite: positive('nodes-per-site'),
    upstreamRateBytesPerSecond: 100e6 / 8,
    stallTimeout: { site, beyond },
    mode: 'auto',
  } as const
  const parts = values.parts.split(',').filter(Boolean).map(Number)
  const seeds = Array.from({ length: positive('seeds') }, (_, index) => index + 1)
  const plans: Omit<LeadRunInit, 'signal'>[] = [
    ...DISTURBANCES.flatMap((kind) =>
      parts.map((atPart) => ({ ...base, seed: 1, sources: ORDERS[0] ?? [], disturbance: { kind, atPart } })),
    ),
    ...seeds.flatMap((seed) => ORDERS.map((sources) => ({ ...base, seed, sources }))),
  ]
  const runs: LeadRun[] = []
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      stop.abort(new Error('stopped; everything that was made is being removed'))
    })
  }
  const command = `npm run bench:leads -- ${process.argv.slice(2).join(' ')}`.trim()
  for (const [index, plan] of plans.entries()) {
    const { kind = 'undisturbed', atPart = 0 } = plan.disturbance ?? {}
    console.error(
      `${new Date().toISOString().slice(11, 19)} ${index + 1} of ${plans.length}: ${plan.sources.join(', ')}; seed ${plan.seed}; ${kind} ${atPart}`,
    )
    runs.push(
      await runLeads({
        ...plan,
        signal: AbortSignal.any([stop.signal, AbortSignal.timeout(RUN_TIMEOUT_MS)]),
      }),
    )
    // A run that is broken off later has still shown something.
    await writeResult('leads', command, { runs })
  }
  console.log(runsTable(runs))
}

function positive(name: 'image-mib' | 'seeds' | 'nodes-per-site'): number {
  const value = Number(values[name])
  if (!Number.isInteger(value) || value < 1) {
    console.error(`bench: --${name} is "${values[name]}", allowed are whole numbers from 1 on`)
    process.exit(2)
  }
  return value
}
