import assert from 'node:assert/strict'
import { digestOf } from '@layermesh/oci'
import fc from 'fast-check'
import {
  EvictionPlanner,
  planEviction,
  type EvictionCandidate,
  type EvictionRequest,
} from '../src/eviction-policy.ts'
import { evictionRankOf } from '../src/eviction-rank.ts'

const NOW_MS = 1_000_000_000_000
const DAY_MS = 24 * 3_600_000
const DIGESTS = Array.from({ length: 40 }, (_, index) => digestOf(Buffer.from(`blob ${index}`)))

function candidate(index: number, overrides: Partial<EvictionCandidate> = {}): EvictionCandidate {
  return {
    digest: DIGESTS[index]!,
    sizeBytes: 1000,
    role: 'layer',
    usage: { uses: 2, firstUsedAtMs: NOW_MS - DAY_MS, lastUsedAtMs: NOW_MS - DAY_MS / 2 },
    copies: { site: 0, region: 0, world: 0 },
    ...overrides,
  }
}

function request(candidates: readonly EvictionCandidate[], overrides: Partial<EvictionRequest> = {}) {
  return { candidates, bytesToFree: 1, nowMs: NOW_MS, protectedBytes: 1e6, rankOf: () => 0.5, ...overrides }
}

const anyUsage = fc
  .record({
    uses: fc.integer({ min: 1, max: 50 }),
    ageMs: fc.nat(30 * DAY_MS),
    idle: fc.double({ min: 0, max: 1, noNaN: true }),
  })
  .map(({ uses, ageMs, idle }) => ({
    uses,
    firstUsedAtMs: NOW_MS - ageMs,
    lastUsedAtMs: NOW_MS - Math.floor(ageMs * idle),
  }))
const anyCandidates = fc
  .array(
    fc.record({
      sizeBytes: fc.nat(1_000_000),
      role: fc.constantFrom('manifest', 'config', 'layer'),
      usage: anyUsage,
      copies: fc.record({ site: fc.nat(20), region: fc.nat(20), world: fc.nat(20) }),
    }),
    { maxLength: DIGESTS.length },
  )
  .map((all) => all.map((each, index): EvictionCandidate => ({ digest: DIGESTS[index]!, ...each })))

describe('planEviction', () => {
  it('plans nothing when nothing is to be freed', () => {
    assert.deepEqual(planEviction(request([candidate(0)], { bytesToFree: 0 })), [])
  })

  it('plans everything when that is not enough', () => {
    const plan = planEviction(request([candidate(0), candidate(1)], { bytesToFree: 1e9 }))
    assert.deepEqual(new Set(plan), new Set([DIGESTS[0], DIGESTS[1]]))
  })

  it('lets the last copy in the region go last of those that are alike otherwise', () => {
    const candidates = [
      candidate(0, { copies: { site: 0, region: 0, world: 3 } }),
      candidate(1, { copies: { site: 1, region: 0, world: 0 } }),
      candidate(2),
      candidate(3, { copies: { site: 0, region: 1, world: 0 } }),
    ]
    assert.deepEqual(
      planEviction(request(candidates, { bytesToFree: 4000 })),
      [1, 3, 0, 2].map((index) => DIGESTS[index]),
    )
  })

  it('keeps manifests and configs until all layers are gone', () => {
    const old = { uses: 1, firstUsedAtMs: 0, lastUsedAtMs: 0 }
    const candidates = [
      candidate(0, { role: 'manifest', usage: old }),
      candidate(1, { role: 'config', usage: old }),
      candidate(2),
      candidate(3),
    ]
    assert.deepEqual(
      new Set(planEviction(request(candidates, { bytesToFree: 2000 }))),
      new Set([DIGESTS[2], DIGESTS[3]]),
    )
    assert.equal(planEviction(request(candidates, { bytesToFree: 4000 })).length, 4)
  })

  it('evicts manifests and configs first when there are more than are protected', () => {
    const candidates = [
      candidate(0),
      candidate(1, { role: 'config', sizeBytes: 700 }),
      candidate(2, { role: 'config', sizeBytes: 700, copies: { site: 1, region: 0, world: 0 } }),
    ]
    const plan = planEviction(request(candidates, { bytesToFree: 900, protectedBytes: 1000 }))
    assert.deepEqual(plan, [DIGESTS[2], DIGESTS[0]])
  })

  it('makes nodes of a site that know the same choose different victims', () => {
    const shared = DIGESTS.map((_, index) => candidate(index, { copies: { site: 2, region: 0, world: 0 } }))
    const plans = ['a', 'b', 'c'].map((node) =>
      planEviction(request(shared, { bytesToFree: 10_000, rankOf: evictionRankOf(node) })),
    )
    const goneEverywhere = plans[0]!.filter((digest) => plans.every((plan) => plan.includes(digest)))
    assert.equal(plans[0]!.length, 10)
    assert.ok(goneEverywhere.length <= 2, `${goneEverywhere.length} of 10 are gone in the whole site`)
  })

  it('frees enough when there is enough, with no victim too many and none twice', () => {
    fc.assert(
      fc.property(
        anyCandidates,
        fc.nat(20_000_000),
        fc.nat(2_000_000),
        (candidates, bytesToFree, protectedBytes) => {
          const plan = planEviction(request(candidates, { bytesToFree, protectedBytes }))
          const sizes = new Map(candidates.map(({ digest, sizeBytes }) => [digest, sizeBytes]))
          const bytes = plan.map((digest) => sizes.get(digest) ?? Number.NaN)
          const total = candidates.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
          const freed = bytes.reduce((sum, size) => sum + size, 0)
          assert.equal(new Set(plan).size, plan.length)
          assert.ok(freed >= Math.min(bytesToFree, total))
          if (plan.length > 0) assert.ok(freed - bytes.at(-1)! < bytesToFree)
        },
      ),
    )
  })

  it('never lets a blob go before one of its kind that is worth no more in any respect', () => {
    fc.assert(
      fc.property(anyCandidates, fc.nat(2_000_000), (candidates, protectedBytes) => {
        const plan = planEviction(request(candidates, { bytesToFree: Number.MAX_VALUE, protectedBytes }))
        const position = new Map(plan.map((digest, index) => [digest, index]))
        for (const better of candidates) {
          for (const worse of candidates) {
            if (!dominates(better, worse)) continue
            assert.ok(position.get(better.digest)! > position.get(worse.digest)!)
          }
        }
      }),
    )
  })
})

describe('EvictionPlanner', () => {
  it('plans the same when candidates come one by one', () => {
    fc.assert(
      fc.property(anyCandidates, fc.nat(20_000_000), (candidates, bytesToFree) => {
        const all = request(candidates, { bytesToFree })
        const planner = new EvictionPlanner(all)
        for (const each of candidates) planner.offer(each)
        assert.deepEqual(planner.plan(bytesToFree), planEviction(all))
      }),
    )
  })
})

/** Whether `better` is worth more in some respect and less in none. */
function dominates(better: EvictionCandidate, worse: EvictionCandidate): boolean {
  if ((better.role === 'layer') !== (worse.role === 'layer')) return false
  const respects = [
    better.usage.uses - worse.usage.uses,
    better.usage.lastUsedAtMs - worse.usage.lastUsedAtMs,
    // The same number of uses in less time.
    better.usage.firstUsedAtMs - worse.usage.firstUsedAtMs,
    distance(better) - distance(worse),
    worse.sizeBytes - better.sizeBytes,
  ]
  return respects.every((difference) => difference >= 0) && respects.some((difference) => difference > 0)
}

/** How far away the nearest other copy is; the more copies a site has, the nearer. */
function distance({ copies }: EvictionCandidate): number {
  if (copies.site > 0) return -copies.site
  if (copies.region > 0) return 1
  return copies.world > 0 ? 2 : 3
}
