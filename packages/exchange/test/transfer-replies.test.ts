import assert from 'node:assert/strict'

import {
  ContentUnavailableError,
  UpstreamDeniedError,
  UpstreamNotFoundError,
  UpstreamRateLimitedError,
  UpstreamUnreachableError,
} from '@layermesh/interface'

import { createExchangePair } from './support/exchange-pair.ts'

const bytes = Buffer.from('layer')

describe('what a lead says that could not get the content', () => {
  for (const [error, expected] of [
    [new UpstreamNotFoundError('404'), { code: 'ERR_UPSTREAM_NOT_FOUND', message: /404/ }],
    [new UpstreamRateLimitedError('429', 1234.5), { code: 'ERR_UPSTREAM_RATE_LIMITED', retryAfterMs: 1235 }],
    [
      new UpstreamRateLimitedError('429', undefined),
      { code: 'ERR_UPSTREAM_RATE_LIMITED', retryAfterMs: undefined },
    ],
    [new UpstreamDeniedError('403'), { code: 'ERR_PEER_MISSING', message: /\(denied\): 403/ }],
    [
      new ContentUnavailableError('no source', { cause: new UpstreamUnreachableError('down') }),
      { code: 'ERR_PEER_MISSING', message: /\(uplink\): no source/ },
    ],
  ] as const) {
    it(`is ${error.code} as ${expected.code}`, async () => {
      const pair = await createExchangePair()
      const server = pair.server.network.self.peer
      const beforeHead = () => Promise.reject(error)
      await assert.rejects(
        pair.client.exchange.open(server, {
          ...pair.give({ bytes, pieceBytes: 4096, beforeHead }),
          leadScope: 'region',
        }),
        expected,
      )
    })
  }
})
