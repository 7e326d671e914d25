import assert from 'node:assert/strict'
import {
  UpstreamDeniedError,
  UpstreamNotFoundError,
  UpstreamProtocolError,
  UpstreamRateLimitedError,
  UpstreamUnreachableError,
} from '@layermesh/interface'
import { HttpStatusError } from '../src/http-status-error.ts'
import { MAX_RETRIES, nextRetryDelay, RETRY_PAUSE_MS } from '../src/next-retry-delay.ts'

function unreachable(cause: unknown) {
  return new UpstreamUnreachableError('unreachable', { cause })
}

function system(code: string) {
  return Object.assign(new Error(code), { code })
}

function delay(error: unknown, attempt = 1, random = 0) {
  return nextRetryDelay({ attempt, error, random: () => random })
}

describe('nextRetryDelay', () => {
  it('repeats after a broken connection', () => {
    for (const code of ['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET']) {
      assert.equal(delay(unreachable(system(code))), RETRY_PAUSE_MS / 2)
    }
  })

  it('repeats after 5xx', () => {
    for (const status of [500, 502, 503]) {
      assert.equal(delay(unreachable(new HttpStatusError(status))), RETRY_PAUSE_MS / 2)
    }
  })

  it('does not repeat after time-outs, refused connections and unknown names', () => {
    const codes = ['UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_HEADERS_TIMEOUT', 'ECONNREFUSED', 'ENOTFOUND']
    for (const code of codes) assert.equal(delay(unreachable(system(code))), undefined)
    assert.equal(delay(unreachable(new HttpStatusError(408))), undefined)
    assert.equal(delay(unreachable(undefined)), undefined)
  })

  it('does not repeat what upstream has decided, nor what is no error of ours', () => {
    const cause = new HttpStatusError(503)
    for (const error of [
      new UpstreamDeniedError('', { cause }),
      new UpstreamNotFoundError('', { cause }),
      new UpstreamProtocolError('', { cause }),
      new UpstreamRateLimitedError('', 1000, { cause }),
      system('ECONNRESET'),
    ]) {
      assert.equal(delay(error), undefined)
    }
  })

  it('gives up after the last repetition', () => {
    const error = unreachable(system('ECONNRESET'))
    assert.notEqual(delay(error, MAX_RETRIES), undefined)
    assert.equal(delay(error, MAX_RETRIES + 1), undefined)
  })

  it('doubles the pause, and shortens it by up to a half at random', () => {
    const error = unreachable(system('ECONNRESET'))
    assert.equal(delay(error, 2, 0), RETRY_PAUSE_MS)
    assert.equal(delay(error, 2, 0.5), 1.5 * RETRY_PAUSE_MS)
    assert.equal(delay(error, 1, 0.5), 0.75 * RETRY_PAUSE_MS)
  })
})
