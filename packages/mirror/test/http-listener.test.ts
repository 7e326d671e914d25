import assert from 'node:assert/strict'
import { once } from 'node:events'
import { startMirror, type MirrorFixture } from './support/mirror-fixture.ts'
import { RawClient } from './support/raw-client.ts'
import { neverAnswers } from './support/scripted-content.ts'
import { patternBytes } from './support/pattern-bytes.ts'

describe('HttpListener', () => {
  let fixture: MirrorFixture

  beforeEach(async () => {
    fixture = await startMirror()
  })

  afterEach(() => fixture[Symbol.asyncDispose]())

  it('keeps a connection for longer than any client does', async () => {
    using client = await RawClient.connect(fixture.port)
    client.request('GET', '/v2/')
    const [, seconds] = /\r\nKeep-Alive: timeout=(\d+)\r\n/.exec(await client.whenReceived(/\{\}$/)) ?? []
    assert.ok(Number(seconds) > 120, String(seconds))
  })

  it('uses a connection again after a body, an error and a HEAD', async () => {
    const blob = fixture.content.addBlob(patternBytes(100_000))
    using client = await RawClient.connect(fixture.port)
    for (const [method, target, pattern] of [
      ['GET', `/v2/a/b/blobs/${blob}`, /^HTTP\/1.1 200 [^]*\r\n\r\n[^]{100000}$/],
      ['GET', '/v2/a/b/manifests/missing', /MANIFEST_UNKNOWN[^]*\}$/],
      ['HEAD', `/v2/a/b/blobs/${blob}`, /MANIFEST_UNKNOWN[^]*HTTP\/1.1 200 [^]*\r\n\r\n$/],
      ['GET', '/v2/', /\{\}$/],
    ] as const) {
      client.request(method, target)
      await client.whenReceived(pattern)
    }
  })

  for (const [title, bytes, status] of [
    ['no HTTP', 'hello\r\n\r\n', 400],
    ['a header that is none', 'GET /v2/ HTTP/1.1\r\nHost: a\r\nbad header\r\n\r\n', 400],
    ['two lengths', 'POST /v2/ HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n', 400],
    ['a head that is too long', `GET /v2/ HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(100_000)}\r\n\r\n`, 431],
    ['a path that is no ASCII', 'GET /v2/\xe9/manifests/c HTTP/1.1\r\nHost: a\r\n\r\n', 400],
    ['NUL in the path', 'GET /v2/a\0b/manifests/c HTTP/1.1\r\nHost: a\r\n\r\n', 400],
  ] as const) {
    it(`answers ${status} to ${title} and closes the connection`, async () => {
      using client = await RawClient.connect(fixture.port)
      client.socket.write(bytes, 'latin1')
      const received = await client.whenReceived(/\r\n\r\n\{.*\}$/)
      assert.match(received, new RegExp(`^HTTP/1.1 ${status} [A-Z]`))
      assert.match(received, /\{"errors":\[\{"code":"UNSUPPORTED"/)
      await client.whenClosed()
      assert.deepEqual(fixture.content.calls, [])
    })
  }

  it('adds nothing to a reply that is on the way when what follows is no HTTP', async () => {
    const blob = fixture.content.addBlob(patternBytes(1024 * 1024))
    using client = await RawClient.connect(fixture.port)
    fixture.content.onRead = async (offset, signal) => {
      if (offset === 0) return
      client.socket.write('hello\r\n\r\n')
      await neverAnswers(offset, signal)
    }
    client.request('GET', `/v2/a/b/blobs/${blob}`)
    await client.whenClosed()
    assert.doesNotMatch(client.received, /UNSUPPORTED/)
    await fixture.content.whenClosed()
  })

  it('survives a client that hangs up in the middle of a request', async () => {
    const client = await RawClient.connect(fixture.port)
    client.socket.write('GET /v2/ HTT')
    client.socket.resetAndDestroy()
    await once(client.socket, 'close')
    assert.equal((await fixture.get('/v2/')).status, 200)
  })
})
