import assert from 'node:assert/strict'

import { tagFreshness } from '../src/tag-freshness.ts'

const policy = { revalidateAfterMs: 60_000, serveStaleForMs: 600_000, immutable: [] }

describe('tagFreshness', () => {
  const cases: [number, string][] = [
    [0, 'fresh'],
    [59_999, 'fresh'],
    [60_000, 'stale'],
    [659_999, 'stale'],
    [660_000, 'expired'],
  ]
  for (const [ageMs, expected] of cases) {
    it(`calls a record of ${ageMs} ms ${expected}`, () => {
      assert.equal(tagFreshness('latest', { confirmedAtMs: 1_000_000 }, 1_000_000 + ageMs, policy), expected)
    })
  }

  it('calls a record from the future stale: the clock was set back', () => {
    assert.equal(tagFreshness('latest', { confirmedAtMs: 1_000_001 }, 1_000_000, policy), 'stale')
  })

  it('calls a record of a tag that never moves fresh, however old it is', () => {
    const immutable = [/^stable$/u, /^v\d+\.\d+\.\d+$/u]
    const record = { confirmedAtMs: 0 }
    const of = (tag: string) => tagFreshness(tag, record, 1e12, { ...policy, immutable })
    assert.deepEqual(['v1.2.3', 'stable', 'v1.2', 'unstable'].map(of), [
      'fresh',
      'fresh',
      'expired',
      'expired',
    ])
  })

  it('calls every record stale when the window is 0', () => {
    assert.equal(
      tagFreshness('latest', { confirmedAtMs: 5 }, 5, { ...policy, revalidateAfterMs: 0 }),
      'stale',
    )
  })
})
