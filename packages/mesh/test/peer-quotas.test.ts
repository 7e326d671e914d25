import assert from 'node:assert/strict'
import type { PeerId } from '@layermesh/interface'
import { ManualClock } from '@layermesh/testkit'
import fc from 'fast-check'
import { FLOOD_BAN_MS, PeerQuotas } from '../src/peer-quotas.ts'
import { TokenBucket } from '../src/token-bucket.ts'
import { CountedMetrics } from './support/counted-metrics.ts'
import { KeptLog } from './support/kept-log.ts'

describe('TokenBucket', () => {
  it('gives what it holds at once, and then what has come since', () => {
    const bucket = new TokenBucket({ perSecond: 2, burst: 3 }, 0)
    assert.deepEqual(
      [0, 0, 0, 0, 499, 500, 1000].map((nowMs) => bucket.take(1, nowMs)),
      [true, true, true, false, false, true, true],
    )
    assert.equal(bucket.take(4, 3_600_000), false)
    assert.equal(bucket.take(3, 3_600_000), true)
  })

  it('never gives more than its burst and what came in the time', () => {
    const step = fc.record({ amount: fc.integer({ min: 1, max: 5 }), ms: fc.integer({ min: 0, max: 1000 }) })
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const bucket = new TokenBucket({ perSecond: 3, burst: 7 }, 0)
        let nowMs = 0
        let taken = 0
        for (const { amount, ms } of steps) {
          nowMs += ms
          if (bucket.take(amount, nowMs)) taken += amount
          assert.ok(taken <= 7 + (nowMs * 3) / 1000 + 1e-6)
        }
      }),
    )
  })
})

describe('PeerQuotas', () => {
  it('cuts off the one peer that goes beyond a limit, and says so once', () => {
    const clock = new ManualClock()
    const log = new KeptLog()
    const metrics = new CountedMetrics()
    const banned: unknown[] = []
    const ban = (peer: PeerId, durationMs: number) => banned.push([peer, durationMs])
    const quotas = new PeerQuotas({ clock, log, metrics, ban: (...args) => void ban(...args) })
    const [good, bad] = ['good' as PeerId, 'bad' as PeerId]
    let taken = 0
    while (quotas.take(bad, 'messages')) {
      taken += 1
      if (taken % 10 === 0) assert.ok(quotas.take(good, 'messages'))
    }
    assert.equal(taken, 1000)
    assert.deepEqual(banned, [[bad, FLOOD_BAN_MS]])
    assert.deepEqual(log.lines, [
      {
        level: 'warn',
        message: 'peer flooded',
        fields: { peer: bad, limit: 'messages', perSecond: 100, burst: 1000 },
      },
    ])
    assert.equal(metrics.count('mesh_floods_total', { limit: 'messages' }), 1)
    assert.ok(quotas.take(bad, 'messages'), 'it begins anew when it is back')
  })

  it('drops what others bring of a peer beyond its limit, and blames nobody', () => {
    const clock = new ManualClock()
    const metrics = new CountedMetrics()
    const banned: PeerId[] = []
    const quotas = new PeerQuotas({ clock, log: new KeptLog(), metrics, ban: (peer) => banned.push(peer) })
    const [author, other] = ['author' as PeerId, 'other' as PeerId]
    while (quotas.take(author, 'messages', 1, other));
    assert.deepEqual(banned, [])
    assert.equal(quotas.take(author, 'messages', 1, author), false)
    assert.deepEqual(banned, [author])
  })
})
