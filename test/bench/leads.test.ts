import assert from 'node:assert/strict'

import { whyNoNamespaces } from '../../bench/harness/lab/open-lab.ts'
import { removeLeftovers } from '../../bench/harness/lab/run-folder.ts'
import { DISTURBANCES } from '../../bench/leads/disturbance.ts'
import { LeadLab } from '../../bench/leads/lead-lab.ts'
import type { LeadRun } from '../../bench/leads/lead-run.ts'

const MiB = 1024 * 1024
const TIMEOUT_MS = 240_000
const IMAGE_BYTES = 12 * MiB

/** Bodies are counted exactly; what there is above 1.00 is a copy too many. */
const ONCE = 1.001
/** What the lead had received and nobody had from it is fetched again: a piece of some layers, which are few pieces here, and what was on its way. */
const ONCE_AND_WHAT_WAS_UNDER_WAY = 1.6

describe('bench/leads', function () {
  this.timeout(TIMEOUT_MS)
  this.slow(TIMEOUT_MS)

  before(() => removeLeftovers())

  const open = (sources: LeadRun['sources'], stall: string) =>
    LeadLab.open({
      ...{ nodesPerSite: 1, sources, upstreamRateBytesPerSecond: 4 * MiB, mode: 'auto' },
      stallTimeout: { site: stall, beyond: stall },
    })

  const assertAllPulled = ({ errors, failedPulls, pulls, verifiedDigests }: LeadRun, nodes: number) => {
    assert.deepEqual([errors, failedPulls, pulls], [[], 0, nodes])
    // An index, two manifests, two configurations, and ten layers.
    assert.equal(verifiedDigests, nodes * 15)
  }

  for (const sources of [
    ['site', 'region', 'world', 'upstream'],
    ['site', 'region', 'upstream', 'world'],
  ] as const) {
    it(`costs one copy over each border with ${sources.join(', ')}, image after image`, async () => {
      // A machine that is busy with other things must not look like a lead that stands still.
      await using lab = await open(sources, '10s')
      for (const seed of [1, 2]) {
        const signal = AbortSignal.timeout(TIMEOUT_MS)
        const run = await lab.run({ seed, imageBytes: IMAGE_BYTES, signal })
        assertAllPulled(run, 4)
        // With upstream before the world, each region fetches a copy of its own.
        const copies = sources[2] === 'world' ? 1 : 2
        assert.ok(run.upstreamRatio <= copies * ONCE, `${run.upstreamRatio} copies from upstream`)
        for (const { place, counted } of run.borders) {
          assert.ok(counted !== undefined && counted <= ONCE, `${counted} copies into ${place}`)
        }
      }
    })
  }

  it('goes on when the lead of the largest layer is killed, stopped or cut off', async function () {
    // A mirror waits 10 s for a manifest: a lead that stands still has to be noticed well before.
    await using lab = await open(['site', 'region', 'world', 'upstream'], '2s')
    const kinds = DISTURBANCES.filter((kind) => kind !== 'partition' || whyNoNamespaces() === undefined)
    for (const [index, kind] of kinds.entries()) {
      const disturbance = { kind, atPart: 0.5 }
      const signal = AbortSignal.timeout(TIMEOUT_MS)
      const run = await lab.run({ seed: 10 + index, imageBytes: IMAGE_BYTES, disturbance, signal })
      assertAllPulled(run, 3)
      assert.ok(
        run.upstreamRatio <= ONCE_AND_WHAT_WAS_UNDER_WAY,
        `${kind}: ${run.upstreamRatio} copies from upstream`,
      )
      if (kind !== 'kill') assert.equal(run.disturbedPull, 'completed')
    }
  })
})
