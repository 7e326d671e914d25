import assert from 'node:assert/strict'
import {
  UpstreamDeniedError,
  UpstreamNotFoundError,
  UpstreamProtocolError,
  UpstreamRateLimitedError,
  UpstreamUnreachableError,
} from '@layermesh/interface'
import { HttpStatusError } from '../src/http-status-error.ts'
import {
  MAX_RETRIES,
  MAX_WAIT_FOR_SERVER_MS,
  nextRetryDelay,
  RETRY_PAUSE_MS,
} from '../src/next-retry-delay.ts'

function unreachable(cause: unknown) {
  return new UpstreamUnreachableError('unreachable', { cause })
}

function system(code: string) {
  return Object.assign(new Error(code), { code })
}

function delay(error: unknown, attempt = 1, random = 0.5) {
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

  it('waits for anything from nothing up to a pause that doubles', () => {
    const error = unreachable(system('ECONNRESET'))
    assert.equal(delay(error, 1, 0), 0)
    assert.equal(delay(error, 1, 0.5), RETRY_PAUSE_MS / 2)
    assert.equal(delay(error, 2, 0.5), RETRY_PAUSE_MS)
  })

  it('waits as long as the server wants, and a little more, when that is short', () => {
    const unavailable = unreachable(new HttpStatusError(503, MAX_WAIT_FOR_SERVER_MS))
    assert.equal(delay(unavailable), MAX_WAIT_FOR_SERVER_MS + RETRY_PAUSE_MS / 2)
    const limited = (ms?: number) =>
      new UpstreamRateLimitedError('', ms, { cause: new HttpStatusError(429, ms) })
    assert.equal(delay(limited(1000)), 1000 + RETRY_PAUSE_MS / 2)
    assert.equal(delay(limited()), undefined)
  })

  it('does not repeat when the server wants to be left alone for longer', () => {
    assert.equal(delay(unreachable(new HttpStatusError(503, MAX_WAIT_FOR_SERVER_MS + 1))), undefined)
    const cause = new HttpStatusError(429, 3_600_000)
    assert.equal(delay(new UpstreamRateLimitedError('', 3_600_000, { cause })), undefined)
  })
})
