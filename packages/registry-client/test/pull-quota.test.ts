import assert from 'node:assert/strict'
import { parsePullQuota } from '../src/pull-quota.ts'
import { replyHead } from './support/reply-head.ts'

const parse = (headers: Readonly<Record<string, string>>) => parsePullQuota(replyHead(200, headers), 7)

describe('parsePullQuota', () => {
  it('reads what Docker Hub sends', () => {
    const headers = {
      'ratelimit-limit': '100;w=21600',
      'ratelimit-remaining': '20;w=21600',
      'docker-ratelimit-source': '192.0.2.1',
    }
    const expected = { limit: 100, remaining: 20, windowSeconds: 21_600, source: '192.0.2.1', seenAtMs: 7 }
    assert.deepEqual(parse(headers), expected)
  })

  it('reads numbers without a window and without a source', () => {
    const expected = { limit: 100, remaining: 0, windowSeconds: undefined, source: undefined, seenAtMs: 7 }
    assert.deepEqual(parse({ 'ratelimit-limit': ' 100', 'ratelimit-remaining': '0' }), expected)
  })

  it('shows no source that could be anything', () => {
    const headers = { 'ratelimit-limit': '1', 'ratelimit-remaining': '1', 'docker-ratelimit-source': '<b>' }
    assert.equal(parse(headers)?.source, undefined)
  })

  it('is undefined when a number is missing', () => {
    assert.equal(parse({}), undefined)
    assert.equal(parse({ 'ratelimit-limit': '100;w=1' }), undefined)
    assert.equal(parse({ 'ratelimit-limit': '100', 'ratelimit-remaining': 'many' }), undefined)
  })
})
