import assert from 'node:assert/strict'
import { UpstreamProtocolError } from '@layermesh/interface'
import { sizeOfContent, spanOfContent } from '../src/content-reply.ts'
import { replyHead } from './support/reply-head.ts'

describe('spanOfContent', () => {
  it('takes a 200 for the whole, whatever was asked for', () => {
    const head = replyHead(200, { 'content-length': '10' })
    assert.deepEqual(spanOfContent(head, 0), { start: 0, sizeBytes: 10 })
    assert.deepEqual(spanOfContent(head, 4), { start: 0, sizeBytes: 10 })
  })

  it('does not know the size of a 200 without Content-Length', () => {
    assert.deepEqual(spanOfContent(replyHead(200, {}), 0), { start: 0, sizeBytes: undefined })
  })

  it('takes the whole size of a 206 from its Content-Range', () => {
    const head = replyHead(206, { 'content-length': '6', 'content-range': 'bytes 4-9/10' })
    assert.deepEqual(spanOfContent(head, 4), { start: 4, sizeBytes: 10 })
  })

  it('does not know the size of a 206 whose total is unknown', () => {
    const head = replyHead(206, { 'content-range': 'bytes 4-9/*' })
    assert.deepEqual(spanOfContent(head, 4), { start: 4, sizeBytes: undefined })
  })

  it('throws ERR_UPSTREAM_PROTOCOL when a 206 begins elsewhere or does not say where', () => {
    for (const header of ['bytes 3-9/10', 'bytes 5-9/10', 'bytes */10', 'nonsense']) {
      assert.throws(
        () => spanOfContent(replyHead(206, { 'content-range': header }), 4),
        UpstreamProtocolError,
      )
    }
    const parts = replyHead(206, { 'content-type': 'multipart/byteranges; boundary=x' })
    assert.throws(() => spanOfContent(parts, 4), UpstreamProtocolError)
  })

  it('takes identity for no encoding', () => {
    for (const encoding of ['', 'identity', ' Identity ']) {
      const head = replyHead(200, { 'content-length': '10', 'content-encoding': encoding })
      assert.equal(spanOfContent(head, 0).sizeBytes, 10)
    }
  })

  it('throws ERR_UPSTREAM_PROTOCOL for an encoding that was not asked for', () => {
    const head = replyHead(200, { 'content-length': '10', 'content-encoding': 'gzip' })
    assert.throws(() => spanOfContent(head, 0), UpstreamProtocolError)
  })
})

describe('sizeOfContent', () => {
  it('reads the size of whatever reply says it', () => {
    assert.equal(sizeOfContent(replyHead(200, { 'content-length': '10' })), 10)
    assert.equal(
      sizeOfContent(replyHead(206, { 'content-length': '1', 'content-range': 'bytes 0-0/10' })),
      10,
    )
    assert.equal(sizeOfContent(replyHead(416, { 'content-length': '99', 'content-range': 'bytes */0' })), 0)
  })

  it('is undefined when the reply does not say it, or says it of compressed bytes', () => {
    assert.equal(sizeOfContent(replyHead(200, {})), undefined)
    assert.equal(sizeOfContent(replyHead(206, { 'content-length': '1' })), undefined)
    assert.equal(sizeOfContent(replyHead(416, {})), undefined)
    assert.equal(
      sizeOfContent(replyHead(200, { 'content-length': '10', 'content-encoding': 'br' })),
      undefined,
    )
  })
})
