import assert from 'node:assert/strict'
import { type ErrorCode, UpstreamRateLimitedError } from '@layermesh/interface'
import { classifyStatus } from '../src/classify-status.ts'
import { HttpStatusError } from '../src/http-status-error.ts'

const NOW_MS = Date.UTC(2026, 0, 1)

function classify(status: number, retryAfter?: string) {
  return classifyStatus({
    status,
    retryAfter,
    asked: 'docker.io: GET of a blob from r.example',
    nowMs: NOW_MS,
  })
}

describe('classifyStatus', () => {
  const cases: readonly [status: number, code: ErrorCode][] = [
    [404, 'ERR_UPSTREAM_NOT_FOUND'],
    [401, 'ERR_UPSTREAM_DENIED'],
    [403, 'ERR_UPSTREAM_DENIED'],
    [429, 'ERR_UPSTREAM_RATE_LIMITED'],
    [408, 'ERR_UPSTREAM_UNREACHABLE'],
    [500, 'ERR_UPSTREAM_UNREACHABLE'],
    [503, 'ERR_UPSTREAM_UNREACHABLE'],
    [599, 'ERR_UPSTREAM_UNREACHABLE'],
    [400, 'ERR_UPSTREAM_PROTOCOL'],
    [405, 'ERR_UPSTREAM_PROTOCOL'],
    [416, 'ERR_UPSTREAM_PROTOCOL'],
    [204, 'ERR_UPSTREAM_PROTOCOL'],
    [304, 'ERR_UPSTREAM_PROTOCOL'],
  ]
  for (const [status, code] of cases) {
    it(`makes ${code} of ${status}`, () => {
      const error = classify(status)
      assert.equal(error.code, code)
      assert.equal(error.message, `docker.io: GET of a blob from r.example was answered with ${status}`)
      assert.ok(error.cause instanceof HttpStatusError)
      assert.equal(error.cause.status, status)
    })
  }

  it('keeps the Retry-After of 429', () => {
    const error = classify(429, '7')
    assert.ok(error instanceof UpstreamRateLimitedError)
    assert.equal(error.retryAfterMs, 7000)
  })

  it('leaves retryAfterMs undefined when 429 has no Retry-After', () => {
    const error = classify(429)
    assert.ok(error instanceof UpstreamRateLimitedError)
    assert.equal(error.retryAfterMs, undefined)
  })
})
