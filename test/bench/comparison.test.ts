import assert from 'node:assert/strict'

import type { RunSummary } from '../../bench/harness/measures/summary.ts'
import { whereBehind } from '../../bench/harness/report/comparison.ts'
import { overviews } from '../../bench/harness/report/overview.ts'
import type { ContenderResult, ScenarioResult } from '../../bench/harness/run-scenario.ts'

const MiB = 1024 ** 2

const SUMMARY: RunSummary = {
  upstreamBytes: 10 * MiB,
  uniqueBytes: 10 * MiB,
  upstreamRatio: 1,
  links: [],
  makespanMs: 1000,
  lowerBoundMs: 500,
  makespanRatio: 2,
  pulls: 2,
  failedPulls: 0,
  pullMs: { p50: 900, p99: 1000, max: 1000 },
  firstByteMs: { p50: 100, p99: 200 },
  deliveredBytes: 20 * MiB,
  verifiedDigests: 10,
  cpuSecondsPerGiB: 10,
  peakMemoryBytes: 100 * MiB,
}

function contender(name: string, ...summaries: readonly Partial<RunSummary>[]): ContenderResult {
  return {
    contender: name,
    version: '1',
    configuration: {},
    summaries: summaries.map((summary) => ({ ...SUMMARY, ...summary })),
    runs: [],
  }
}

function scenario(...contenders: readonly ContenderResult[]): ScenarioResult {
  return {
    scenario: 'edge',
    title: 'Edge',
    topology: {
      upstreamLink: { rateBytesPerSecond: undefined, delayMs: 0 },
      cacheLink: { rateBytesPerSecond: undefined, delayMs: 0 },
      regions: [],
    },
    links: [],
    mode: 'netns',
    notMeasured: [],
    loadAverageAtStart: 0,
    seed: 1,
    imageBytes: 10 * MiB,
    compressiblePart: 0.9,
    contenders,
  }
}

const behindIn = (result: ScenarioResult) =>
  whereBehind([result]).map(({ figure, own, other, otherText }) => [figure.title, own, other, otherText])

describe('whereBehind', () => {
  it('lists the best of those that are better by more than their runs differ, by medians', () => {
    const result = scenario(
      contender('direct', { makespanMs: 800 }, { makespanMs: 700 }, { makespanMs: 900 }),
      contender('pull-through', { makespanMs: 600 }, { makespanMs: 600 }, { makespanMs: 5000 }),
      contender('layermesh', { makespanMs: 1000 }, { makespanMs: 1000 }, { makespanMs: 1000 }),
    )
    assert.deepEqual(behindIn(result), [['makespan s', '1.00', 'pull-through', '0.60 (0.60–5.00)']])
  })

  it('is empty where all others are worse or about the same', () => {
    const result = scenario(
      contender('direct', { upstreamRatio: 8, makespanMs: 960 }),
      contender('layermesh', {}),
    )
    assert.deepEqual(behindIn(result), [])
  })

  it('does not hold it against layermesh that others fail sooner, or have no process', () => {
    const failing = { failedPulls: 1, makespanMs: 10 }
    const none = { cpuSecondsPerGiB: 0, peakMemoryBytes: 0 }
    assert.deepEqual(
      behindIn(scenario(contender('direct', failing, none), contender('layermesh', {}, {}))),
      [],
    )
    const own = contender('layermesh', { failedPulls: 2 })
    assert.deepEqual(behindIn(scenario(contender('direct', { failedPulls: 1 }), own)), [
      ['failed', '2', 'direct', '1'],
    ])
  })

  it('has nothing to say without layermesh', () => {
    assert.deepEqual(behindIn(scenario(contender('direct', {}))), [])
  })
})

describe('overviews', () => {
  it('shows medians of all scenarios, and which are best as they are shown', () => {
    const [upstream, , makespan] = overviews([
      scenario(contender('direct', { upstreamRatio: 8 }), contender('layermesh', { upstreamRatio: 1.001 })),
    ])
    assert.deepEqual(upstream?.contenders, ['direct', 'layermesh'])
    assert.deepEqual(upstream.rows[0]?.cells, [
      { text: '8.00', isBest: false },
      { text: '1.00', isBest: true },
    ])
    assert.ok(makespan?.rows[0]?.cells.every(({ isBest }) => isBest))
  })
})
