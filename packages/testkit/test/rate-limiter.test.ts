import assert from 'node:assert/strict'
import { ManualClock } from '@layermesh/testkit'
import { RateLimiter } from '../src/rate-limiter.ts'

/** Lets the callbacks of promises that are settled run. */
const settled = () => new Promise<void>((resolve) => setImmediate(resolve))

describe('RateLimiter', () => {
  it('lets bytes through when a link of its speed would have carried them', async () => {
    const clock = new ManualClock()
    const limiter = new RateLimiter(clock, 1000)
    let carried = false
    const carrying = limiter.carry(500).then(() => (carried = true))
    clock.advance(499)
    await settled()
    assert.equal(carried, false)
    clock.advance(1)
    await carrying
  })

  it('queues those who send at the same time', async () => {
    const clock = new ManualClock()
    const limiter = new RateLimiter(clock, 1000)
    const carriedAtMs: number[] = []
    const carrying = [100, 200, 300].map(async (sizeBytes) => {
      await limiter.carry(sizeBytes)
      carriedAtMs.push(clock.monotonicMs())
    })
    for (let ms = 0; ms < 600; ms += 50) {
      clock.advance(50)
      await settled()
    }
    await Promise.all(carrying)
    assert.deepEqual(carriedAtMs, [100, 300, 600])
  })

  it('saves up nothing while nobody sends', async () => {
    const clock = new ManualClock()
    const limiter = new RateLimiter(clock, 1000)
    clock.advance(60_000)
    const carrying = limiter.carry(1000)
    assert.equal(clock.pendingTimers, 1)
    clock.advance(1000)
    await carrying
    assert.equal(clock.monotonicMs(), 61_000)
  })
})
