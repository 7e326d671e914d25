import assert from 'node:assert/strict'
import { pullFailure } from '../../src/demo/pull-failure.ts'

const CAUSE = new Error('GET http://127.0.0.1:1/v2/ was answered 404')

describe('pullFailure', () => {
  it('names the node and the reason, and quotes the last three warnings of its log', () => {
    const log = [
      { level: 'warn', msg: 'forgotten long ago' },
      { level: 'warn', msg: 'pull refused', err: { message: 'no source', cause: { message: 'stalled' } } },
      { level: 'info', msg: 'pull served' },
      { level: 'error', msg: 'disk gone' },
      { level: 'warn', msg: 'content unavailable' },
    ]
    const error = pullFailure('b-1', 'demo/shop:v1', { cause: CAUSE, log })
    assert.equal(
      error.message,
      'demo/shop:v1 could not be pulled through node b-1: GET http://127.0.0.1:1/v2/ was answered 404; ' +
        'its last warnings: pull refused (no source: stalled); disk gone; content unavailable',
    )
    assert.equal(error.cause, CAUSE)
  })

  it('says so when there is no warning', () => {
    const { message } = pullFailure('b-1', 'demo/shop:v1', { cause: CAUSE, log: [] })
    assert.match(message, /404; its log has no warnings$/)
  })
})
