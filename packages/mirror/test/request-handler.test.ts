import assert from 'node:assert/strict'
import { startMirror, type MirrorFixture } from './support/mirror-fixture.ts'
import { RawClient } from './support/raw-client.ts'
import { digestOf } from '@layermesh/oci'

const digest = digestOf(Buffer.from('x'))

describe('createRequestHandler', () => {
  let fixture: MirrorFixture

  beforeEach(async () => {
    fixture = await startMirror()
  })

  afterEach(() => fixture[Symbol.asyncDispose]())

  describe('ping', () => {
    for (const path of ['/v2/', '/docker.io/v2/', '/hub/v2/']) {
      it(`answers GET ${path} with an empty object`, async () => {
        const { status, headers, body } = await fixture.get(path)
        assert.equal(status, 200)
        assert.equal(headers['content-type'], 'application/json')
        assert.equal(headers['docker-distribution-api-version'], 'registry/2.0')
        assert.equal(body.toString(), '{}')
      })
    }

    it('answers HEAD without a body', async () => {
      const { status, headers, body } = await fixture.head('/v2/')
      assert.equal(status, 200)
      assert.equal(headers['content-length'], '2')
      assert.equal(body.byteLength, 0)
    })

    it('sends /v2 on to /v2/', async () => {
      const { status, headers } = await fixture.get('/v2')
      assert.equal(status, 301)
      assert.equal(headers['location'], '/v2/')
    })
  })

  describe('Cache-Status', () => {
    for (const [method, path, expected] of [
      ['GET', '/v2/', 'layermesh'],
      ['GET', '/v2', 'layermesh'],
      ['PUT', '/v2/library/nginx/manifests/latest', 'layermesh'],
      ['GET', '/v2/library/nginx/tags/list', 'layermesh; fwd=miss'],
      ['GET', `/v2/library/nginx/blobs/${digest}`, 'layermesh; fwd=miss'],
      ['GET', `/v2/library/nginx/manifests/${digest}`, 'layermesh; fwd=miss'],
    ] as const) {
      it(`is ${expected} on the reply to ${method} ${path}`, async () => {
        const { headers } = await fixture.send(method, path)
        assert.equal(headers['cache-status'], expected)
      })
    }
  })

  describe('writes', () => {
    for (const [method, path] of [
      ['POST', '/v2/library/nginx/blobs/uploads/'],
      ['PUT', '/v2/library/nginx/manifests/latest'],
      ['PATCH', '/v2/library/nginx/blobs/uploads/1'],
      ['DELETE', `/v2/library/nginx/manifests/${digest}`],
      ['PROPFIND', '/v2/'],
    ] as const) {
      it(`answers 405 to ${method}`, async () => {
        const { status, headers, body } = await fixture.send(method, path)
        assert.equal(status, 405)
        assert.equal(headers['allow'], 'GET, HEAD')
        assert.match(body.toString(), /"UNSUPPORTED"/)
      })
    }

    it('answers 405 without reading a body, whatever its type', async () => {
      using client = await RawClient.connect(fixture.port)
      client.request('PUT', '/v2/a/manifests/b', 'Content-Type: not a type', 'Content-Length: 1000000')
      assert.match(await client.whenReceived(/\r\n\r\n\{.*\}/), /^HTTP\/1.1 405 /)
    })

    it('answers 405 to a client that waits for leave to send its body, and gives none', async () => {
      using client = await RawClient.connect(fixture.port)
      client.request('PUT', '/v2/a/manifests/b', 'Content-Length: 1000000', 'Expect: 100-continue')
      await client.whenClosed()
      assert.match(client.received, /^HTTP\/1.1 405 [^]*\r\nConnection: close\r\n/)
    })

    it('goes on with the connection after a body', async () => {
      const { status } = await fixture.send('PUT', '/v2/a/manifests/b', 'x'.repeat(100_000))
      assert.equal(status, 405)
      assert.equal((await fixture.get('/v2/')).status, 200)
    })
  })

  it('answers OPTIONS with what can be done, and nothing for pages of other sites', async () => {
    for (const path of ['/v2/', '/v2/library/nginx/manifests/latest', '*']) {
      using client = await RawClient.connect(fixture.port)
      client.request('OPTIONS', path, 'Origin: http://evil.example', 'Connection: close')
      await client.whenClosed()
      assert.match(client.received, /^HTTP\/1.1 204 /)
      assert.match(client.received, /\r\nAllow: GET, HEAD, OPTIONS\r\n/)
      assert.doesNotMatch(client.received, /access-control/i)
    }
  })

  describe('what no mirror has', () => {
    for (const path of [
      '/v2/_catalog',
      '/v2/docker.io/_catalog',
      '/v2/a/_ext/b',
      '/v2/_ext/x/y',
      '/v2/a/blobs/uploads/',
    ]) {
      it(`is 404 at ${path}`, async () => {
        const { status, headers, body } = await fixture.get(path)
        assert.equal(status, 404)
        assert.equal(headers['x-registry-supports-signatures'], undefined)
        assert.match(body.toString(), /"UNSUPPORTED"/)
      })
    }
  })

  describe('bad input', () => {
    for (const [target, status, code] of [
      ['/v2/a/manifests/sha256:baddigeststring', 400, 'DIGEST_INVALID'],
      ['/v2/a/blobs/latest', 400, 'DIGEST_INVALID'],
      ['/v2/A/manifests/latest', 400, 'NAME_INVALID'],
      [`/v2/${'a'.repeat(300)}/manifests/latest`, 400, 'NAME_INVALID'],
      ['/v2/a/manifests/-', 400, 'TAG_INVALID'],
      [`/v2/a/manifests/${'a'.repeat(129)}`, 400, 'TAG_INVALID'],
      ['/v2/a/manifests/latest?ns=169.254.169.254', 404, 'NAME_UNKNOWN'],
      ['/v2/a/manifests/latest?ns=localhost:2375', 404, 'NAME_UNKNOWN'],
      ['/v2/evil.example/a/manifests/latest', 404, 'NAME_UNKNOWN'],
      ['/v2/a/manifests/latest?ns=a&ns=b', 400, 'NAME_INVALID'],
      ['/v2/docker.io/a/manifests/latest?ns=quay.io', 400, 'NAME_INVALID'],
      ['/v2/../../etc/passwd', 404, 'UNSUPPORTED'],
      ['/v2/a/../b/manifests/latest', 400, 'NAME_INVALID'],
      ['/v2/a/%2e%2e/b/manifests/latest', 400, 'NAME_INVALID'],
      ['/v2/a%2fb/manifests/latest', 400, 'NAME_INVALID'],
      ['/v2/a//b/manifests/latest', 400, 'NAME_INVALID'],
      ['/v2/a%00/manifests/latest', 400, 'NAME_INVALID'],
      ['/v2/a\\b/manifests/latest', 400, 'NAME_INVALID'],
      ['/v2/a/manifests/%', 400, 'NAME_INVALID'],
      ['/v2/a/manifests/%ff', 400, 'NAME_INVALID'],
      ['/v2/a/manifests/..%2f..%2fx', 400, 'NAME_INVALID'],
      ['//v2/a/manifests/latest', 404, 'NAME_UNKNOWN'],
      ['/', 404, 'UNSUPPORTED'],
      ['/favicon.ico', 404, 'UNSUPPORTED'],
      ['/v1/search?q=x', 404, 'UNSUPPORTED'],
      ['/extensions/v2/a/signatures/b', 404, 'NAME_UNKNOWN'],
      ['*', 400, 'NAME_INVALID'],
      [`/v2/a/manifests/latest?x=${'x'.repeat(8200)}`, 414, 'NAME_INVALID'],
    ] as const) {
      it(`answers ${status} ${code} to ${target.slice(0, 60)}, and asks nobody`, async () => {
        using client = await RawClient.connect(fixture.port)
        client.request('GET', target, 'Connection: close')
        await client.whenClosed()
        assert.match(client.received, new RegExp(`^HTTP/1.1 ${status} `))
        assert.match(client.received, /\r\nContent-Type: application\/json\r\n/)
        assert.match(client.received, /\r\nDocker-Distribution-API-Version: registry\/2.0\r\n/)
        assert.match(
          client.received,
          new RegExp(`\\{"errors":\\[\\{"code":"${code}","message":"[^\r\n]+"\\}\\]\\}$`),
        )
        assert.deepEqual(fixture.content.calls, [])
      })
    }

    it('answers HEAD with the same status and no body', async () => {
      const { status, headers, body } = await fixture.head('/v2/A/manifests/latest')
      assert.equal(status, 400)
      assert.ok(Number(headers['content-length']) > 0)
      assert.equal(body.byteLength, 0)
    })

    it('takes a target in absolute form', async () => {
      using client = await RawClient.connect(fixture.port)
      client.request('GET', 'http://mirror/v2/', 'Connection: close')
      await client.whenClosed()
      assert.match(client.received, /^HTTP\/1.1 200 /)
    })

    it('counts requests for nothing in particular as other', async () => {
      await fixture.get('/v2/')
      await fixture.get('/v2/A/manifests/latest')
      assert.equal(fixture.metrics.valueOf('mirror_requests_total', { kind: 'other', status: '2xx' }), 1)
      assert.equal(fixture.metrics.valueOf('mirror_requests_total', { kind: 'other', status: '4xx' }), 1)
    })
  })
})
