import assert from 'node:assert/strict'
import type { Digest } from '@layermesh/interface'
import type { BlobEntry } from '../src/blob-entry.ts'
import { planScrub, scrubRate } from '../src/scrub-plan.ts'
import { firstUsage } from '../src/usage.ts'

const entry = (verifiedAtMs: number): BlobEntry => ({
  stat: { digest: `sha256:${verifiedAtMs}` as Digest, sizeBytes: 1, pieceBytes: 1 },
  usage: firstUsage(0),
  verifiedAtMs,
  readers: 0,
  checked: undefined,
})

describe('planScrub', () => {
  it('lists what was verified a period ago or earlier, the longest ago first', () => {
    const entries = [entry(50), entry(10), entry(51), entry(30)]
    const { due, nextDueInMs } = planScrub(entries, 150, 100)
    assert.deepEqual(
      due.map(({ verifiedAtMs }) => verifiedAtMs),
      [10, 30, 50],
    )
    assert.equal(nextDueInMs, 0)
  })

  it('says when the next is due', () => {
    assert.deepEqual(planScrub([entry(60), entry(80)], 150, 100), { due: [], nextDueInMs: 10 })
  })

  it('waits a period when there is nothing', () => {
    assert.deepEqual(planScrub([], 150, 100), { due: [], nextDueInMs: 100 })
  })
})

describe('scrubRate', () => {
  it('reads all in half of the period', () => {
    assert.equal(scrubRate(50e9, 1_000_000), 100e6)
  })

  it('is never slower than 4 MiB/s, so that little is over soon', () => {
    assert.equal(scrubRate(1, 30 * 86_400_000), 4 * 1024 * 1024)
  })
})
