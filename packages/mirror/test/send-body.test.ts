import assert from 'node:assert/strict'
import { ContentUnavailableError, UpstreamTruncatedError } from '@layermesh/interface'
import { digestOf } from '@layermesh/oci'
import { startMirror, type MirrorFixture } from './support/mirror-fixture.ts'
import { patternBytes } from './support/pattern-bytes.ts'
import { RawClient } from './support/raw-client.ts'
import { neverAnswers } from './support/scripted-content.ts'

const LARGE_BYTES = 32 * 1024 * 1024
const CUT_AT = 1024 * 1024
const large = patternBytes(LARGE_BYTES)

describe('a body', () => {
  let fixture: MirrorFixture
  let path: string

  beforeEach(async () => {
    fixture = await startMirror()
    path = `/v2/library/nginx/blobs/${fixture.content.addBlob(large)}`
  })

  afterEach(() => fixture[Symbol.asyncDispose]())

  it('arrives unchanged though its chunks are lent', async () => {
    const { body } = await fixture.get(path)
    assert.equal(digestOf(body), digestOf(large))
    assert.equal(fixture.metrics.valueOf('served_bytes_total', { source: 'cache' }), LARGE_BYTES)
  })

  it('arrives unchanged at a client that reads slowly', async () => {
    using client = await RawClient.connect(fixture.port)
    client.request('GET', path, 'Connection: close')
    let bytes = 0
    client.socket.on('data', (chunk) => {
      bytes += chunk.byteLength
      client.socket.pause()
      setImmediate(() => client.socket.resume())
    })
    assert.equal(await client.whenClosed(), undefined)
    const body = Buffer.from(client.received, 'latin1').subarray(bytes - LARGE_BYTES)
    assert.equal(digestOf(body), digestOf(large))
  })

  it('arrives unchanged when several are asked for at once on one connection', async () => {
    using client = await RawClient.connect(fixture.port)
    client.request('GET', path, 'Range: bytes=0-3')
    client.request('GET', path, 'Range: bytes=-70000')
    client.request('GET', path, 'Range: bytes=4-7', 'Connection: close')
    await client.whenClosed()
    const replies = client.received.split('HTTP/1.1 206 Partial Content')
    assert.equal(replies.length, 4)
    const bodies = replies
      .slice(1)
      .map((reply) => Buffer.from(reply.slice(reply.indexOf('\r\n\r\n') + 4), 'latin1'))
    assert.deepEqual(bodies[0], large.subarray(0, 4))
    assert.deepEqual(bodies[1], large.subarray(-70_000))
    assert.deepEqual(bodies[2], large.subarray(4, 8))
  })

  it('is not begun when its first bytes can not be had: the client is told 404', async () => {
    fixture.content.onRead = async () => {
      throw new ContentUnavailableError('every source failed')
    }
    const { status, body } = await fixture.get(path)
    assert.equal(status, 404)
    assert.match(body.toString(), /"BLOB_UNKNOWN"/)
    await fixture.content.whenClosed()
  })

  it('is cut when its source fails in the middle', async () => {
    fixture.content.onRead = async (offset) => {
      if (offset === CUT_AT) throw new UpstreamTruncatedError('upstream went away')
    }
    using client = await RawClient.connect(fixture.port)
    client.request('GET', path)
    assert.ok((await client.whenCut()) > 0)
    const { level, fields } = await fixture.log.whenLogged('reply cut')
    assert.equal(level, 'warn')
    assert.equal((fields['err'] as UpstreamTruncatedError).code, 'ERR_UPSTREAM_TRUNCATED')
    assert.equal(fixture.metrics.valueOf('mirror_cut_replies_total', { by: 'source' }), 1)
    await fixture.content.whenClosed()
  })

  it('fails at a client library when its source fails in the middle', async () => {
    fixture.content.onRead = async (offset) => {
      if (offset === CUT_AT) throw new UpstreamTruncatedError('upstream went away')
    }
    await assert.rejects(fixture.get(path))
  })

  for (const [title, pieces] of [
    ['shorter', [Buffer.alloc(10)]],
    ['longer', [Buffer.alloc(60), Buffer.alloc(60)]],
  ] as const) {
    it(`is cut when the source is ${title} than it said`, async () => {
      const digest = digestOf(Buffer.from(title))
      fixture.content.openBlob = async () => ({
        digest,
        sizeBytes: 100,
        source: 'site',
        async *read() {
          yield* pieces
        },
        async [Symbol.asyncDispose]() {},
      })
      await assert.rejects(fixture.get(`/v2/a/b/blobs/${digest}`))
      await fixture.log.whenLogged('reply cut')
    })
  }

  it('stops being read when the client hangs up, and is no error', async () => {
    using client = await RawClient.connect(fixture.port)
    fixture.content.onRead = async (offset, signal) => {
      if (offset < CUT_AT) return
      client.socket.resetAndDestroy()
      await neverAnswers(offset, signal)
    }
    client.request('GET', path)
    const { level, fields } = await fixture.log.whenLogged('client hung up')
    assert.equal(level, 'debug')
    assert.ok(Number(fields['bytes']) <= CUT_AT)
    await fixture.content.whenClosed()
    assert.equal(fixture.metrics.valueOf('mirror_cut_replies_total', { by: 'client' }), 1)
    assert.deepEqual(
      fixture.log.lines.filter(({ level: lineLevel }) => lineLevel === 'error' || lineLevel === 'warn'),
      [],
    )
  })

  it('stops being read when the client hangs up without reading', async () => {
    using client = await RawClient.connect(fixture.port)
    client.request('GET', path)
    await client.whenReceived(/^HTTP\/1.1 200/)
    client.socket.pause()
    client.socket.resetAndDestroy()
    await fixture.log.whenLogged('client hung up')
    await fixture.content.whenClosed()
  })

  it('is given up when the client hangs up before it begins', async () => {
    using client = await RawClient.connect(fixture.port)
    fixture.content.onRead = async (offset, signal) => {
      client.socket.destroy()
      await neverAnswers(offset, signal)
    }
    client.request('GET', path)
    await fixture.log.whenLogged('client hung up')
    await fixture.content.whenClosed()
    assert.equal(fixture.metrics.valueOf('mirror_requests_total', { kind: 'blob', status: '2xx' }), 0)
  })

  it('is given up when it waits behind another on its connection and the client hangs up', async () => {
    using client = await RawClient.connect(fixture.port)
    let reads = 0
    fixture.content.onRead = async (offset, signal) => {
      reads += 1
      // The first reply never begins, so that the second can't be sent; both have been asked for by now.
      if (reads === 1) await neverAnswers(offset, signal)
      if (reads === 3) client.socket.destroy()
    }
    client.request('GET', path)
    client.request('GET', path)
    await fixture.log.whenLogged('client hung up', 2)
    await fixture.content.whenClosed()
    assert.equal(fixture.metrics.valueOf('mirror_cut_replies_total', { by: 'client' }), 2)
  })
})
