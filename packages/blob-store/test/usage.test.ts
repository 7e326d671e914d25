import assert from 'node:assert/strict'
import { firstUsage, hasGoneUnused, idleMs, usedAgain } from '../src/usage.ts'

const MINUTE_MS = 60_000
const START_MS = 1_000_000_000_000

describe('Usage', () => {
  it('survives JSON', () => {
    const usage = usedAgain(firstUsage(START_MS), START_MS + 11 * MINUTE_MS)
    assert.deepEqual(JSON.parse(JSON.stringify(usage)), usage)
  })

  describe('usedAgain', () => {
    it('counts opens within ten minutes as one use, and has nothing to persist', () => {
      const usage = firstUsage(START_MS)
      assert.equal(usedAgain(usage, START_MS + 10 * MINUTE_MS - 1), usage)
    })

    it('counts the next use after ten minutes', () => {
      const usage = usedAgain(firstUsage(START_MS), START_MS + 10 * MINUTE_MS)
      assert.deepEqual(usage, {
        uses: 2,
        firstUsedAtMs: START_MS,
        lastUsedAtMs: START_MS + 10 * MINUTE_MS,
      })
    })

    it('counts a blob that is open all the time once in ten minutes', () => {
      let usage = firstUsage(START_MS)
      for (let minute = 1; minute <= 60; minute++) usage = usedAgain(usage, START_MS + minute * MINUTE_MS)
      assert.equal(usage.uses, 7)
    })

    it('goes on from the new time when the clock was set back', () => {
      const usage = usedAgain(firstUsage(START_MS), START_MS - 60 * MINUTE_MS)
      const newStartMs = START_MS - 60 * MINUTE_MS
      assert.deepEqual(usage, { uses: 2, firstUsedAtMs: newStartMs, lastUsedAtMs: newStartMs })
    })

    it('takes a clock that was set back a little for the same use', () => {
      const usage = firstUsage(START_MS)
      assert.equal(usedAgain(usage, START_MS - MINUTE_MS), usage)
    })
  })

  describe('idleMs', () => {
    it('is the time since the last use', () => {
      assert.equal(idleMs(firstUsage(START_MS), START_MS + 5), 5)
    })

    it('is 0 when the clock was set back', () => {
      assert.equal(idleMs(firstUsage(START_MS), START_MS - 5), 0)
    })
  })

  describe('hasGoneUnused', () => {
    it('holds from the given time after the last use on', () => {
      const usage = firstUsage(START_MS)
      assert.equal(hasGoneUnused(usage, START_MS + 99, 100), false)
      assert.equal(hasGoneUnused(usage, START_MS + 100, 100), true)
    })

    it('does not hold when the clock was set back', () => {
      assert.equal(hasGoneUnused(firstUsage(START_MS), START_MS - 100, 100), false)
    })
  })
})
