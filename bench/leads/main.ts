import { parseArgs } from 'node:util'
import { fileURLToPath } from 'node:url'

import type { SourceScope } from '@layermesh/interface'

import { writeResult } from '../support/result-file.ts'
import { removeLeftovers } from '../harness/lab/run-folder.ts'
import { DISTURBANCES } from './disturbance.ts'
import { LeadLab } from './lead-lab.ts'
import type { LeadRun } from './lead-run.ts'
import { runsTable } from './runs-table.ts'

const USAGE = `npm run bench:leads -- [--image-mib 300] [--seeds 10] [--nodes-per-site 4] [--parts 0.1,0.5,0.9] [--stall 500ms,2s] [--name leads]

All nodes of two regions with two sites each pull one cold image at the same moment: with each order of sources an image of
each seed, and then others while the lead of the largest layer is killed, stopped and cut off. Writes bench/results/<name>.json.`

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
    name: { type: 'string', default: 'leads' },
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
    nodesPerSite: positive('nodes-per-site'),
    upstreamRateBytesPerSecond: 100e6 / 8,
    stallTimeout: { site, beyond },
    mode: 'auto',
  } as const
  const parts = values.parts.split(',').filter(Boolean).map(Number)
  const disturbed = DISTURBANCES.flatMap((kind) => parts.map((atPart) => ({ kind, atPart })))
  const seeds = Array.from({ length: positive('seeds') }, (_, index) => index + 1)
  const plans = [
    ...ORDERS.map((sources) => ({ sources, runs: seeds.map((seed) => ({ seed, disturbance: undefined })) })),
    {
      sources: ORDERS[0] ?? [],
      runs: disturbed.map((disturbance, index) => ({ seed: seeds.length + index + 1, disturbance })),
    },
  ]
  const total = plans.reduce((sum, { runs }) => sum + runs.length, 0)
  const runs: LeadRun[] = []
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      stop.abort(new Error('stopped; everything that was made is being removed'))
    })
  }
  const command = `npm run bench:leads -- ${process.argv.slice(2).join(' ')}`.trim()
  const imageBytes = positive('image-mib') * MiB
  for (const { sources, runs: planned } of plans) {
    if (planned.length === 0) continue
    await using lab = await LeadLab.open({ ...base, sources })
    for (const { seed, disturbance } of planned) {
      const { kind = 'undisturbed', atPart = 0 } = disturbance ?? {}
      const time = new Date().toISOString().slice(11, 19)
      console.error(
        `${time} ${runs.length + 1} of ${total}: ${sources.join(', ')}; seed ${seed}; ${kind} ${atPart}`,
      )
      const signal = AbortSignal.any([stop.signal, AbortSignal.timeout(RUN_TIMEOUT_MS)])
      runs.push(await lab.run({ seed, imageBytes, disturbance, signal }))
      // A run that is broken off later has still shown something.
      await writeResult(values.name, command, { stallTimeout: base.stallTimeout, runs })
    }
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
