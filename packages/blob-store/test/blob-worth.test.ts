import assert from 'node:assert/strict'
import { blobWorth, type HeldBlob } from '../src/blob-worth.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const NOW_MS = 1_000_000_000_000

function blob(overrides: Partial<HeldBlob> = {}): HeldBlob {
  return {
    sizeBytes: 10_000_000,
    usage: { uses: 3, firstUsedAtMs: NOW_MS - 2 * DAY_MS, lastUsedAtMs: NOW_MS - 2 * HOUR_MS },
    copies: { site: 0, region: 0, world: 0 },
    ...overrides,
  }
}

/** Asserts that each of the blobs is worth more than the one before, whatever the rank. */
function assertRising(...blobs: readonly HeldBlob[]): void {
  for (const rank of [0, 0.5, 0.999]) {
    const worths = blobs.map((each) => blobWorth(each, NOW_MS, rank))
    assert.ok(
      worths.every((worth, index) => index === 0 || worth > worths[index - 1]!),
      `${worths.join(', ')} don't rise at rank ${rank}`,
    )
  }
}

describe('blobWorth', () => {
  it('rises with the distance of the nearest other copy', () => {
    assertRising(
      blob({ copies: { site: 1, region: 1, world: 1 } }),
      blob({ copies: { site: 0, region: 1, world: 1 } }),
      blob({ copies: { site: 0, region: 0, world: 1 } }),
      blob({ copies: { site: 0, region: 0, world: 0 } }),
    )
  })

  it('falls with the number of copies in the site', () => {
    assertRising(
      blob({ copies: { site: 20, region: 0, world: 0 } }),
      blob({ copies: { site: 9, region: 0, world: 0 } }),
      blob({ copies: { site: 4, region: 0, world: 0 } }),
    )
  })

  it('differs by rank where the site has other copies, and only there', () => {
    const shared = blob({ copies: { site: 1, region: 0, world: 0 } })
    assert.ok(blobWorth(shared, NOW_MS, 0.1) < blobWorth(shared, NOW_MS, 0.9))
    assert.equal(blobWorth(blob(), NOW_MS, 0.1), blobWorth(blob(), NOW_MS, 0.9))
  })

  it('rises with the number of uses in the same time', () => {
    const used = (uses: number) => blob({ usage: { ...blob().usage, uses } })
    assertRising(used(1), used(2), used(3), used(30))
  })

  it('falls with the time since the last use', () => {
    const idle = (idleMs: number) => blob({ usage: { ...blob().usage, lastUsedAtMs: NOW_MS - idleMs } })
    assertRising(idle(40 * HOUR_MS), idle(10 * HOUR_MS), idle(HOUR_MS), idle(0))
  })

  it('gives a base image that is used twice a day more than a layer that was used once, three hours ago', () => {
    const base = { uses: 14, firstUsedAtMs: NOW_MS - 7 * DAY_MS, lastUsedAtMs: NOW_MS - 12 * HOUR_MS }
    const onceMs = NOW_MS - 3 * HOUR_MS
    const once = { uses: 1, firstUsedAtMs: onceMs, lastUsedAtMs: onceMs }
    assertRising(blob({ usage: once }), blob({ usage: base }))
  })

  it('lets the last copy in a region go before a copy that is used a lot: it may be junk of CI', () => {
    const junk = { uses: 1, firstUsedAtMs: NOW_MS - DAY_MS, lastUsedAtMs: NOW_MS - DAY_MS }
    const wanted = { uses: 30, firstUsedAtMs: NOW_MS - DAY_MS, lastUsedAtMs: NOW_MS }
    assertRising(blob({ usage: junk }), blob({ usage: wanted, copies: { site: 2, region: 3, world: 0 } }))
  })

  it('is more for each byte of a smaller blob, for a request costs something as well', () => {
    assertRising(
      blob({ sizeBytes: 1_000_000_000 }),
      blob({ sizeBytes: 1_000_000 }),
      blob({ sizeBytes: 1000 }),
    )
  })

  it('takes times that lie ahead for the present', () => {
    const future = { uses: 3, firstUsedAtMs: NOW_MS + DAY_MS, lastUsedAtMs: NOW_MS + DAY_MS }
    const now = { uses: 3, firstUsedAtMs: NOW_MS, lastUsedAtMs: NOW_MS }
    assert.equal(blobWorth(blob({ usage: future }), NOW_MS, 0), blobWorth(blob({ usage: now }), NOW_MS, 0))
  })

  it('is a number for an empty blob', () => {
    assert.ok(Number.isFinite(blobWorth(blob({ sizeBytes: 0 }), NOW_MS, 0)))
  })
})
