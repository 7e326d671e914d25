import assert from 'node:assert/strict'

import { bytesPulledByNode, LINK_COST, NODES, SITE_SIZES } from '../bench/eviction/cluster.ts'
import { generateTrace } from '../bench/eviction/generate-trace.ts'
import { LAYERMESH, LRU, POLICIES } from '../bench/eviction/policies.ts'
import { replay, type ReplayResult } from '../bench/eviction/replay.ts'
import type { NamedPolicy } from '../bench/eviction/cache-policy.ts'

const DAY_MS = 24 * 3_600_000

// Small enough to be quick. The figures depend on the seed only, not on the machine.
const trace = generateTrace({ seed: 11, days: 6, sites: SITE_SIZES, pullsPerNodeAndDay: 12 })
const nodeBytes = bytesPulledByNode(trace)

function replayWith(policy: NamedPolicy, budgetBytes: number): ReplayResult {
  return replay({ trace, nodes: NODES, budgetBytes, policy, linkCost: LINK_COST, countFromMs: DAY_MS })
}

describe('a replayed trace', () => {
  it('is the same for the same seed', () => {
    assert.deepEqual(
      generateTrace({ seed: 11, days: 6, sites: SITE_SIZES, pullsPerNodeAndDay: 12 }).pulls,
      trace.pulls,
    )
  })

  for (const policy of POLICIES) {
    it(`gets each byte from somewhere with ${policy.name}`, () => {
      const { requestedBytes, bytesBySource } = replayWith(policy, nodeBytes / 10)
      const bytes = Object.values(bytesBySource).reduce((sum, each) => sum + each, 0)
      assert.equal(bytes, requestedBytes)
      assert.ok(bytesBySource.cache > 0 && bytesBySource.upstream > 0)
    })

    it(`fetches nothing again with ${policy.name} when there is room for everything`, () => {
      const result = replayWith(policy, 10 * nodeBytes)
      assert.equal(result.refetchedBytes, 0)
      assert.equal(result.lastCopiesLost, 0)
    })
  }

  it('costs less to fetch again with our policy than with LRU', () => {
    const ours = replayWith(LAYERMESH, nodeBytes / 5)
    const lru = replayWith(LRU, nodeBytes / 5)
    const ratio = ours.weightedRefetchedBytes / lru.weightedRefetchedBytes
    assert.ok(ratio < 0.8, `${ratio} of what it costs with LRU`)
    assert.ok(ours.bytesBySource.upstream < lru.bytesBySource.upstream)
    assert.ok(ours.lastCopyBytesMissed < lru.lastCopyBytesMissed)
  })
})
