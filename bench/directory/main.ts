import { loadavg } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

import { runCommand } from '../../test/support/run-command.ts'
import { replaceBlock, tableOf } from '../support/markdown-page.ts'
import { writeResult } from '../support/result-file.ts'
import { spreadOf } from '../support/statistics.ts'
import type { HoldingsRun } from './holdings-run.ts'
import { talkCost, type TalkCost } from './talk-cost.ts'

/** What a directory that knows 1,000,000 digests with five holders each costs: memory, look-ups, the longest stalls. */
const SETTING = { digests: 1_000_000, holders: 5, nodes: 50, own: 1_000_000 }
/** Clusters whose talk is counted, and what goes on in them. */
const CLUSTERS = [100, 1000, 10_000]
const TALK = { nodesPerRegion: 100, newBlobsPerSecond: 100 }

const NODE_FLAGS = ['--external-memory-accounted-in-global-limit', '--expose-gc']

const FIGURES: readonly (readonly [name: keyof HoldingsRun, text: string])[] = [
  ['bytesPerPair', 'memory for a pair of digest and holder, bytes'],
  ['bytesPerOwnBlob', "memory for one of the node's own blobs, bytes"],
  ['lookUpMicroseconds', 'holders of a digest, µs of processor time'],
  ['lookUpWallMicroseconds', 'holders of a digest, µs on the wall'],
  ['learnMicroseconds', 'a pair in a delta, µs of processor time'],
  ['mostDeltasMs', '99 of 100 deltas of 1,000 changes, ms of processor time at most'],
  ['longestDeltaMs', 'longest delta of 1,000 changes, ms of processor time'],
  ['longestSweepMs', 'longest step of the clean-up, ms of processor time'],
  ['bytesPerPairLeft', 'memory left when all have gone, bytes for each pair there was'],
]

const { values: options } = parseArgs({ options: { repeats: { type: 'string', default: '3' } } })
const script = fileURLToPath(new URL('measures/holdings.ts', import.meta.url))
const loadBefore = loadavg()
const runs: HoldingsRun[] = []
for (let repeat = 0; repeat < Number(options.repeats); repeat += 1) {
  const { stdout } = await runCommand(process.execPath, [...NODE_FLAGS, script, JSON.stringify(SETTING)])
  runs.push(JSON.parse(stdout) as HoldingsRun)
}
const rows = FIGURES.map(([name, text]) => {
  const { median, min, max } = spreadOf(runs.map((run) => run[name]))
  return [text, median.toFixed(1), `${min.toFixed(1)}–${max.toFixed(1)}`]
})
const table = tableOf(['what', 'median', 'least–most'], ['---', '--:', '--:'], rows)
console.log(table)
const talks = CLUSTERS.map((nodes) => talkCost({ nodes, ...TALK }))
const talkTable = tableOf(
  [
    'nodes',
    'regions',
    'heartbeats',
    'their bytes',
    'gossip of the region',
    'of the cluster',
    'bytes of gossip',
    'of it hints',
    'hints by the default',
  ],
  ['--:', '--:', '--:', '--:', '--:', '--:', '--:', '--:', '--:'],
  talks.map(rowOf),
)
console.log(talkTable)
const command = `npm run bench:directory -- --repeats ${options.repeats}`
const result = { setting: SETTING, loadBefore, loadAfter: loadavg(), runs, talk: TALK, talks }
console.log(`raw samples: ${await writeResult('directory', command, result)}`)
console.log(
  `report: ${await replaceBlock('docs/directory.md', 'holdings', 'npm run bench:directory', table)}`,
)
await replaceBlock('docs/directory.md', 'talk', 'npm run bench:directory', talkTable)

function rowOf(cost: TalkCost): readonly string[] {
  return [
    cost.nodes.toLocaleString('en'),
    `${cost.regions}`,
    Math.round(cost.heartbeatsPerSecond).toLocaleString('en'),
    Math.round(cost.heartbeatBytesPerSecond).toLocaleString('en'),
    cost.regionMessagesPerSecond.toFixed(0),
    cost.clusterMessagesPerSecond.toFixed(0),
    Math.round(cost.gossipBytesPerSecond).toLocaleString('en'),
    Math.round(cost.hintBytesPerSecond).toLocaleString('en'),
    Math.round(cost.defaultHintBytesPerSecond).toLocaleString('en'),
  ]
}
