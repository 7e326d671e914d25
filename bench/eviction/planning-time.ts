import { EvictionPlanner, evictionRankOf, type EvictionCandidate } from '@layermesh/blob-store'
import { digestOf } from '@layermesh/oci'
import { seededRandom } from '@layermesh/testkit'

import { logNormal, wholeNumber } from '../support/distributions.ts'
import { median } from '../support/statistics.ts'

const CANDIDATES = 100_000
const ROUNDS = 15
const DAY_MS = 86_400_000
const NOW_MS = 1_000_000_000_000

/** How long the policy needs for a full cache: medians in milliseconds. */
export interface PlanningTime {
  readonly candidates: number
  /** To weigh all candidates; can be cut into slices. */
  readonly weighMs: number
  /** To choose a tenth of the bytes among them; can't. */
  readonly chooseMs: number
  readonly firstWeighMs: number
  readonly firstChooseMs: number
}

/** Times the policy on a cache of 100,000 blobs. */
export function measurePlanning(): PlanningTime {
  const candidates = makeCandidates()
  const totalBytes = candidates.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  const rounds = Array.from({ length: ROUNDS }, () => {
    const startMs = performance.now()
    const planner = new EvictionPlanner({
      nowMs: NOW_MS,
      protectedBytes: totalBytes / 20,
      rankOf: evictionRankOf('bench'),
    })
    for (const candidate of candidates) planner.offer(candidate)
    const weighedMs = performance.now()
    const plan = planner.plan(totalBytes / 10)
    if (plan.length === 0) throw new Error('nothing was planned')
    return { weighMs: weighedMs - startMs, chooseMs: performance.now() - weighedMs }
  })
  return {
    candidates: CANDIDATES,
    weighMs: median(rounds.map(({ weighMs }) => weighMs)),
    chooseMs: median(rounds.map(({ chooseMs }) => chooseMs)),
    firstWeighMs: rounds[0]?.weighMs ?? 0,
    firstChooseMs: rounds[0]?.chooseMs ?? 0,
  }
}

function makeCandidates(): EvictionCandidate[] {
  const random = seededRandom(1)
  return Array.from({ length: CANDIDATES }, (_, index) => {
    const ageMs = random() * 30 * DAY_MS
    return {
      digest: digestOf(Buffer.from(`candidate ${index}`)),
      sizeBytes: Math.ceil(logNormal(random, 4_000_000, 2)),
      role: index % 5 === 0 ? 'config' : 'layer',
      usage: {
        uses: wholeNumber(random, 1, 20),
        firstUsedAtMs: NOW_MS - ageMs,
        lastUsedAtMs: NOW_MS - ageMs * random(),
      },
      copies: { site: wholeNumber(random, 0, 3), region: wholeNumber(random, 0, 3), world: 0 },
    }
  })
}
