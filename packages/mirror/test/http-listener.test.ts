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
    ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400],
    ['TLS', '\x16\x03\x01\x02\x00\x01\x00', 400],
    ...(
      [
        ['a length and chunks', 'Content-Length: 5\r\nTransfer-Encoding: chunked'],
        ['chunks and a length', 'Transfer-Encoding: chunked\r\nContent-Length: 5'],
        ['chunks that are not last', 'Transfer-Encoding: chunked, identity'],
        ['an encoding that nobody knows', 'Transfer-Encoding: xchunked'],
        ['a space before the colon', 'Content-Length : 5'],
        ['a length that is a list', 'Content-Length: 5, 5'],
        ['a length with a sign', 'Content-Length: +5'],
        ['a folded header', 'X: a\r\n Content-Length: 5'],
        ['a line that ends in a bare CR', 'X: a\rContent-Length: 5'],
      ] as const
    ).map(
      ([title, lines]) => [title, `GET /v2/ HTTP/1.1\r\nHost: a\r\n${lines}\r\n\r\nGET /v2/`, 400] as const,
    ),
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

  it('answers 400 to a request without Host, and to one with two', async () => {
    for (const lines of ['', 'Host: a\r\nHost: a\r\n', 'Host: a\r\nhost: b\r\n']) {
      using client = await RawClient.connect(fixture.port)
      client.socket.write(`GET /v2/ HTTP/1.1\r\n${lines}Connection: close\r\n\r\n`)
      await client.whenClosed()
      assert.match(client.received, /^HTTP\/1.1 400 /, JSON.stringify(lines))
    }
  })

  it('takes what follows a body for a request, and the body for nothing', async () => {
    using client = await RawClient.connect(fixture.port)
    const smuggled = 'GET /v2/a/b/manifests/smuggled HTTP/1.1\r\nHost: a\r\n\r\n'
    const head = `GET /v2/ HTTP/1.1\r\nHost: a\r\nContent-Length: ${smuggled.length}\r\n\r\n`
    client.socket.write(`${head}${smuggled}GET /v2 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`)
    await client.whenClosed()
    assert.deepEqual(client.received.match(/HTTP\/1.1 \d+/g), ['HTTP/1.1 200', 'HTTP/1.1 301'])
    assert.deepEqual(fixture.content.calls, [])
  })

  it('answers requests that come at once in their order', async () => {
    const blob = fixture.content.addBlob(patternBytes(200_000))
    using client = await RawClient.connect(fixture.port)
    const heads = [`/v2/a/b/blobs/${blob}`, '/v2/', '/v2/A/manifests/b', '/v2']
    client.socket.write(heads.map((path) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`).join(''))
    const received = await client.whenReceived(/HTTP\/1.1 301 [^]*\r\n\r\n$/)
    assert.deepEqual(
      received.match(/HTTP\/1.1 \d+/g),
      [200, 200, 400, 301].map((status) => `HTTP/1.1 ${status}`),
    )
  })

  it('closes the connection of a client that asks for another protocol by CONNECT', async () => {
    using client = await RawClient.connect(fixture.port)
    client.request('CONNECT', 'evil.example:443')
    await client.whenClosed()
    assert.doesNotMatch(client.received, /^HTTP\/1.1 2/)
  })

  it('goes on in HTTP/1.1 when a client offers another protocol', async () => {
    using client = await RawClient.connect(fixture.port)
    client.request(
      'GET',
      '/v2/',
      'Connection: Upgrade, HTTP2-Settings',
      'Upgrade: h2c',
      'HTTP2-Settings: AAAA',
    )
    assert.match(await client.whenReceived(/\{\}$/), /^HTTP\/1.1 200 /)
  })

  describe('limits', () => {
    const SOON_MS = 50

    for (const [title, sent] of [
      ['says nothing', ''],
      ['sends the head of a request bit by bit', 'GET /v2/ HTTP/1.1\r\nHost: a\r\nX-A: '],
      [
        'does not send the body that it announced',
        'PUT /v2/a HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n',
      ],
    ] as const) {
      it(`closes the connection of a client that ${title}`, async () => {
        const limits = { headTimeoutMs: SOON_MS, requestTimeoutMs: SOON_MS, checkEveryMs: SOON_MS }
        await using limited = await startMirror({ limits })
        using client = await RawClient.connect(limited.port)
        client.socket.write(sent)
        await client.whenClosed()
        assert.match(client.received, /^(HTTP\/1.1 40[58] |$)/)
      })
    }

    it('closes the connection of a client that takes nothing of its reply', async () => {
      // Long enough for the request to come and the reply to begin, on a slow machine, too.
      await using limited = await startMirror({ limits: { stallTimeoutMs: 1_000 } })
      const path = `/v2/a/b/blobs/${limited.content.addBlob(patternBytes(64 * 1024 * 1024))}`
      using client = await RawClient.connect(limited.port)
      client.socket.pause()
      client.request('GET', path)
      await limited.log.whenLogged('client hung up')
      await limited.content.whenClosed()
    })

    it('closes idle connections, the one that has been so for longest first, rather than keep a client out', async () => {
      await using limited = await startMirror({ limits: { maxConnections: 3 } })
      const connect = async () => {
        const client = await RawClient.connect(limited.port)
        client.request('GET', '/v2/')
        await client.whenReceived(/\{\}$/)
        return client
      }
      using first = await connect()
      using second = await connect()
      first.request('GET', '/v2/')
      await first.whenReceived(/\{\}[^]*\{\}$/)
      using third = await connect()
      await second.whenClosed()
      using silent = await RawClient.connect(limited.port)
      await first.whenClosed()
      using fourth = await connect()
      await third.whenClosed()
      silent.request('GET', '/v2/')
      await silent.whenReceived(/\{\}$/)
      fourth.request('GET', '/v2/')
      await fourth.whenReceived(/\{\}[^]*\{\}$/)
    })

    it('closes connections beyond the limit at once, and takes others when there is room again', async () => {
      await using limited = await startMirror({ limits: { maxConnections: 1 } })
      const first = await RawClient.connect(limited.port)
      first.request('GET', '/v2/')
      await first.whenReceived(/\{\}$/)
      using second = await RawClient.connect(limited.port)
      await second.whenClosed()
      assert.deepEqual((await limited.log.whenLogged('too many connections')).fields, { connections: 1 })
      first.request('GET', '/v2/', 'Connection: close')
      await first.whenClosed()
      assert.equal((await limited.get('/v2/')).status, 200)
    })
  })
})
