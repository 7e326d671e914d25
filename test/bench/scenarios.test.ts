import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { createTempDir } from '@layermesh/testkit'

import type { Contender } from '../../bench/harness/contenders/contender.ts'
import { direct } from '../../bench/harness/contenders/direct.ts'
import { layermesh } from '../../bench/harness/contenders/layermesh.ts'
import { whyNoNamespaces } from '../../bench/harness/lab/open-lab.ts'
import { removeLeftovers } from '../../bench/harness/lab/run-folder.ts'
import { Venues } from '../../bench/harness/lab/venues.ts'
import type { RunSummary } from '../../bench/harness/measures/summary.ts'
import { runScenario } from '../../bench/harness/run-scenario.ts'
import { replayOf } from '../../bench/harness/scenarios/replay.ts'
import type { Scenario } from '../../bench/harness/scenarios/scenario.ts'
import { SCENARIOS } from '../../bench/harness/scenarios/scenarios.ts'

const MiB = 1024 * 1024
const TIMEOUT_MS = 180_000
const IMAGE_BYTES = 1.5 * MiB

/** Bodies are counted exactly; what there is above 1.00 is a copy too many. */
const ONCE = 1.02
/** On links, what nodes say to each other is counted as well, and images are small here. */
const ABOUT_ONCE = 1.25

/** As few as show what has to be shown; the same number everywhere, so that scenarios of one topology share a network. */
const NODES = 3

async function playSmall(scenario: Scenario, contender: Contender, venues: Venues): Promise<RunSummary> {
  const result = await runScenario(scenario, [contender], venues, {
    repeats: 1,
    realClients: false,
    nodes: NODES,
    seed: 3,
    imageBytes: IMAGE_BYTES,
    compressiblePart: 0.5,
    signal: AbortSignal.timeout(TIMEOUT_MS),
    onStep: () => {},
  })
  const summary = result.contenders[0]?.summaries[0]
  assert.ok(summary)
  assert.ok(summary.verifiedDigests > 0)
  return summary
}

function atMost(limit: number, value: number | undefined): void {
  assert.ok(value !== undefined && value <= limit, `${value} is more than ${limit}`)
}

function assertOnce({ failedPulls, links, upstreamRatio }: RunSummary): void {
  assert.equal(failedPulls, 0)
  atMost(ONCE, upstreamRatio)
  for (const { kind, contentBytes, optimumBytes } of links) {
    if (kind === 'region' || kind === 'site') atMost(ABOUT_ONCE * optimumBytes, contentBytes)
  }
}

/** What must hold on any machine. Times never do. */
const EXPECTED: Readonly<Record<string, (summary: RunSummary) => void>> = {
  'fan-out': assertOnce,
  'rolling-update': assertOnce,
  edge: assertOnce,
  regions: assertOnce,
  'ci-fleet': ({ failedPulls, upstreamRatio }) => {
    assert.equal(failedPulls, 0)
    atMost(1.1, upstreamRatio)
  },
  outage: ({ failedPulls, upstreamRatio }) => {
    assert.equal(failedPulls, 0)
    atMost(ONCE, upstreamRatio)
  },
  'lead-killed': ({ failedPulls, upstreamRatio }) => {
    assert.equal(failedPulls, 0)
    // The clients of the dead node go to upstream by themselves; three copies is what no cache at all costs.
    assert.ok(upstreamRatio !== undefined && upstreamRatio < NODES)
  },
  'slow-peer': ({ failedPulls, upstreamBytes }) => {
    assert.equal(failedPulls, 0)
    atMost(0.02 * IMAGE_BYTES, upstreamBytes)
  },
  'warm-restart': ({ failedPulls, upstreamBytes }) => {
    assert.equal(failedPulls, 0)
    atMost(0.02 * IMAGE_BYTES, upstreamBytes)
  },
}

const noNamespaces = whyNoNamespaces()

describe('the scenarios of the benchmark, in small', function () {
  this.timeout(TIMEOUT_MS)
  const venues = new Venues('auto')

  before(async () => {
    await removeLeftovers()
    process.env['NODE_COMPILE_CACHE'] ??= fileURLToPath(
      new URL('../../node_modules/.cache/bench', import.meta.url),
    )
  })

  after(() => venues[Symbol.asyncDispose]())

  it('cost upstream a copy for each node without a cache', async () => {
    const [fanOut] = SCENARIOS
    assert.ok(fanOut)
    const { failedPulls, links, upstreamRatio } = await playSmall(fanOut, direct, venues)
    assert.equal(failedPulls, 0)
    assert.equal(upstreamRatio, NODES)
    const site = links.find(({ kind }) => kind === 'site')
    if (noNamespaces === undefined) assert.ok(site && site.contentBytes >= NODES * site.optimumBytes)
  })

  it('replay recorded pulls: who pulled becomes a node, what was pulled an image', async () => {
    await using dir = await createTempDir()
    const file = join(dir.path, 'pulls.csv')
    const rows = [
      '10,ci-1,team/app:1',
      '10.2,ci-2,team/app:2',
      '10.4,ci-1,team/app:1',
      '11,ci-3,library/redis',
    ]
    await writeFile(file, ['time,client,image', ...rows, ''].join('\n'))
    const { failedPulls, pulls, upstreamRatio } = await playSmall(
      await replayOf({ file, speed: 10 }),
      direct,
      venues,
    )
    assert.deepEqual([pulls, failedPulls], [4, 0])
    // Four pulls; unique are one version, the quarter in which the other one differs, and the image of the other repository.
    assert.ok(upstreamRatio !== undefined && upstreamRatio > 1.6 && upstreamRatio < 2, `${upstreamRatio}`)
  })

  for (const scenario of SCENARIOS) {
    const check = EXPECTED[scenario.name]
    const skipped = scenario.needsLinks === true ? noNamespaces : undefined
    const title = `${scenario.name} with layermesh`
    if (skipped !== undefined) it.skip(`${title} (skipped: ${skipped})`)
    else {
      it(title, async () => {
        assert.ok(check !== undefined)
        check(await playSmall(scenario, layermesh, venues))
      })
    }
  }

  it('leave nothing behind', async () => {
    await venues[Symbol.asyncDispose]()
    assert.deepEqual(await removeLeftovers(), [])
  })
})
