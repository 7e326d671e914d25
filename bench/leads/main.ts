import { parseArgs } from 'node:util'
import { fileURLToPath } from 'node:url'

import type { SourceScope } from '@layermesh/interface'

import { printTables, type ResultPage, writeTables } from '../support/result-page.ts'
import { removeLeftovers } from '../harness/lab/run-folder.ts'
import { DISTURBANCES } from './disturbance.ts'
import { LeadLab } from './lead-lab.ts'
import { readRuns, withoutLike, writeRuns } from './lead-results.ts'
import { tablesOf } from './report.ts'

const USAGE = `npm run bench:leads -- [--image-mib 300] [--seeds 10] [--nodes-per-site 4] [--parts 0.1,0.5,0.9] [--stall 500ms,2s]
  [--sources site,region,world,upstream]…

All nodes of two regions with two sites each pull one cold image at the same moment: with each order of sources an image of
each seed, and then others while the lead of the largest layer is killed, stopped and cut off. Writes bench/results/leads.json
and the tables of docs/leads.md; what isn't measured (--seeds 0, --parts '', another order) stays as it is there.`

const ORDERS = ['site,region,world,upstream', 'site,region,upstream,world']
const PAGE: ResultPage = { path: 'docs/leads.md', command: 'npm run bench:leads' }
const RUN_TIMEOUT_MS = 300_000
const MiB = 1024 * 1024

const { values } = parseArgs({
  options: {
    'image-mib': { type: 'string', default: '300' },
    seeds: { type: 'string', default: '10' },
    'nodes-per-site': { type: 'string', default: '4' },
    parts: { type: 'string', default: '0.1,0.5,0.9' },
    stall: { type: 'string', default: '500ms,2s' },
    sources: { type: 'string', multiple: true, default: ORDERS },
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
    nodesPerSite: whole('nodes-per-site', 1),
    upstreamRateBytesPerSecond: 100e6 / 8,
    stallTimeout: { site, beyond },
    mode: 'auto',
  } as const
  const parts = values.parts.split(',').filter(Boolean).map(Number)
  const disturbed = DISTURBANCES.flatMap((kind) => parts.map((atPart) => ({ kind, atPart })))
  const seeds = Array.from({ length: whole('seeds', 0) }, (_, index) => index + 1)
  const orders = values.sources.map((text) => text.split(',') as SourceScope[])
  const plans = [
    ...orders.map((sources) => ({ sources, runs: seeds.map((seed) => ({ seed, disturbance: undefined })) })),
    {
      sources: orders[0] ?? [],
      runs: disturbed.map((disturbance, index) => ({ seed: seeds.length + index + 1, disturbance })),
    },
  ]
  const total = plans.reduce((sum, { runs }) => sum + runs.length, 0)
  let kept = await readRuns()
  let done = 0
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      stop.abort(new Error('stopped; everything that was made is being removed'))
    })
  }
  const command = `npm run bench:leads -- ${process.argv.slice(2).join(' ')}`.trim()
  const imageBytes = whole('image-mib', 1) * MiB
  for (const { sources, runs: planned } of plans) {
    if (planned.length === 0) continue
    await using lab = await LeadLab.open({ ...base, sources })
    for (const { seed, disturbance } of planned) {
      const { kind = 'undisturbed', atPart = 0 } = disturbance ?? {}
      const time = new Date().toISOString().slice(11, 19)
      console.error(`${time} ${done + 1} of ${total}: ${sources.join(', ')}; seed ${seed}; ${kind} ${atPart}`)
      const signal = AbortSignal.any([stop.signal, AbortSignal.timeout(RUN_TIMEOUT_MS)])
      const run = await lab.run({ seed, imageBytes, disturbance, signal })
      // What was measured before makes room for what is measured now, with the first run of its kind.
      const others = seed === planned[0]?.seed || disturbance !== undefined ? withoutLike(kept, run) : kept
      kept = [...others, { ...run, date: new Date().toISOString(), command }]
      done += 1
      // A run that is broken off later has still shown something.
      await writeRuns(command, kept)
    }
  }
  printTables(tablesOf(kept))
  await writeTables(PAGE, tablesOf(kept))
}

function whole(name: 'image-mib' | 'seeds' | 'nodes-per-site', least: number): number {
  const value = Number(values[name])
  if (!Number.isInteger(value) || value < least) {
    console.error(`bench: --${name} is "${values[name]}", allowed are whole numbers from ${least} on`)
    process.exit(2)
  }
  return value
}
