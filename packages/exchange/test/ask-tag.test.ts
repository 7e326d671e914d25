import assert from 'node:assert/strict'
import {
  type PeerId,
  type TagRecord,
  UpstreamNotFoundError,
  UpstreamRateLimitedError,
} from '@layermesh/interface'
import { digestOf, OCI_INDEX } from '@layermesh/oci'
import { NONE_FRAME, TAG_PROTOCOL, askFrame } from '../src/tag-frames.ts'
import { eventually } from './support/eventually.ts'
import { createExchangePair, createImpostor, STALL_TIMEOUT_MS } from './support/exchange-pair.ts'

const ref = { upstream: 'docker.io', repository: 'library/nginx', tag: 'latest' }

describe('askTag', () => {
  it('tells which lead is asked, and what upstream has said to it', async () => {
    const pair = await createExchangePair()
    const ask = () => pair.client.exchange.askTag(pair.server.network.self.peer, { ref, leadScope: 'region' })
    pair.server.provider.beforeTag = () => Promise.reject(new UpstreamRateLimitedError('429', 700))
    await assert.rejects(ask(), { code: 'ERR_UPSTREAM_RATE_LIMITED', retryAfterMs: 700 })
    pair.server.provider.beforeTag = () => Promise.reject(new UpstreamNotFoundError('404'))
    await assert.rejects(ask(), { code: 'ERR_UPSTREAM_NOT_FOUND' })
    pair.server.provider.beforeTag = () => Promise.reject(new Error('secret'))
    await assert.rejects(ask(), { code: 'ERR_PEER_MISSING', message: /internal error/ })
    const [seen] = pair.server.provider.tagRequests
    assert.deepEqual(seen?.ref, ref)
    assert.equal(seen.leadScope, 'region')
    assert.equal(seen.from.peer, pair.client.network.self.peer)
  })

  it('resolves with the record of the peer', async () => {
    const pair = await createExchangePair()
    const record: TagRecord = {
      digest: digestOf(Buffer.from('index')),
      mediaType: OCI_INDEX,
      sizeBytes: 1234,
      confirmedAtMs: pair.clock.now() - 60_000,
    }
    pair.server.provider.tags.set('latest', record)
    assert.deepEqual(await pair.client.exchange.askTag(pair.server.network.self.peer, { ref }), record)
    assert.equal(pair.clock.pendingTimers, 0)
  })

  it('resolves with undefined when the peer has none', async () => {
    const pair = await createExchangePair()
    assert.equal(await pair.client.exchange.askTag(pair.server.network.self.peer, { ref }), undefined)
  })

  it('rejects with ERR_PEER_UNREACHABLE when the peer is no member', async () => {
    const pair = await createExchangePair()
    await assert.rejects(pair.client.exchange.askTag('peer-nobody' as PeerId, { ref }), {
      code: 'ERR_PEER_UNREACHABLE',
    })
  })

  it('rejects with ERR_PEER_PROTOCOL for a frame that has no place there', async () => {
    const { exchange, peer } = await createImpostor((stream) => stream.send(askFrame({ ref })), TAG_PROTOCOL)
    await assert.rejects(exchange.askTag(peer, { ref }), { code: 'ERR_PEER_PROTOCOL' })
  })

  it('rejects with ERR_PEER_STALLED when the peer says nothing, and with the reason of its signal', async () => {
    const asked: unknown[] = []
    const { clock, exchange, peer } = await createImpostor(async (stream) => {
      for (let frame = await stream.receive(); frame; frame = await stream.receive()) asked.push(frame)
    }, TAG_PROTOCOL)
    const stalled = assert.rejects(exchange.askTag(peer, { ref }), { code: 'ERR_PEER_STALLED' })
    await eventually(() => asked.length === 1)
    clock.advance(STALL_TIMEOUT_MS)
    await stalled
    const controller = new AbortController()
    const reason = new Error('cancelled')
    const aborted = assert.rejects(exchange.askTag(peer, { ref }, { signal: controller.signal }), reason)
    await eventually(() => asked.length === 2)
    controller.abort(reason)
    await aborted
    assert.equal(clock.pendingTimers, 0)
  })

  it('resets the stream of a peer that asks for no tag', async () => {
    const pair = await createExchangePair()
    const stream = await pair.client.network.openStream(pair.server.network.self.peer, TAG_PROTOCOL)
    await stream.send(NONE_FRAME)
    await assert.rejects(stream.receive(), { code: 'ERR_PEER_STREAM' })
    assert.equal(pair.clock.pendingTimers, 0)
  })
})
