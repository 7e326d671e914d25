import assert from 'node:assert/strict'
import { UpstreamRateLimitedError } from '@layermesh/interface'
import { DEFAULT_PAUSE_MS, MAX_PAUSE_MS, nameOfWork, RateLimitPauses } from '../src/rate-limit-pauses.ts'

const GET = { kind: 'manifest', method: 'GET' } as const
const limited = (retryAfterMs?: number) => new UpstreamRateLimitedError('', retryAfterMs)

describe('RateLimitPauses', () => {
  it('last as long as the endpoint says', () => {
    const pauses = new RateLimitPauses()
    assert.equal(pauses.left(GET, 1000), undefined)
    assert.equal(pauses.note(GET, limited(30_000), 1000), 30_000)
    assert.equal(pauses.left(GET, 1000), 30_000)
    assert.equal(pauses.left(GET, 30_999), 1)
    assert.equal(pauses.left(GET, 31_000), undefined)
  })

  it('are for the kind of work that was limited', () => {
    const pauses = new RateLimitPauses()
    pauses.note(GET, limited(30_000), 0)
    assert.equal(pauses.left({ ...GET, method: 'HEAD' }, 0), undefined)
    assert.equal(pauses.left({ ...GET, kind: 'blob' }, 0), undefined)
    assert.equal(pauses.left({ ...GET, access: 'login' }, 0), undefined)
  })

  it('have a length of their own when the endpoint says none, and a limit', () => {
    const pauses = new RateLimitPauses()
    pauses.note(GET, limited(), 0)
    assert.equal(pauses.left(GET, 0), DEFAULT_PAUSE_MS)
    assert.equal(pauses.note(GET, limited(1e12), 0), MAX_PAUSE_MS)
    assert.equal(pauses.left(GET, 0), MAX_PAUSE_MS)
  })

  it('go on, by the name of their work, for what is left of them', () => {
    const pauses = new RateLimitPauses()
    pauses.restore(nameOfWork(GET), 700)
    assert.equal(pauses.left(GET, 0), 700)
    assert.equal(pauses.left({ ...GET, access: 'login' }, 0), undefined)
    assert.equal(pauses.left(GET, 700), undefined)
  })
})
