import assert from 'node:assert/strict'
import {
  buildImage,
  buildIndex,
  builtContent,
  expectNoLeaks,
  ManualClock,
  startOrigin,
  takeResourceSnapshot,
  uniqueBytesOf,
  type BuiltImage,
  type BuiltLayer,
  type ResourceSnapshot,
} from '@layermesh/testkit'
import { request } from 'undici'
import { get, type Got } from './support/get.ts'

const MiB = 1024 * 1024
// A component that looks like an endpoint: only the last one is.
const REPOSITORY = 'library/manifests/app'

function errorCodeOf({ headers, body }: Got): string {
  assert.equal(headers['content-type'], 'application/json')
  const { errors } = JSON.parse(body.toString()) as { errors: { code: string }[] }
  return errors[0]!.code
}

describe('startOrigin', () => {
  let open: ResourceSnapshot
  let image: BuiltImage
  let layer: BuiltLayer
  let digest: string

  before(async () => {
    image = await buildImage({ seed: 1, layerBytes: [100_000, 1000] })
    layer = image.layers[0]!
    digest = layer.descriptor.digest
  })

  beforeEach(async () => {
    open = await takeResourceSnapshot()
  })

  afterEach(async () => {
    await expectNoLeaks(open)
  })

  async function serve(options: Parameters<typeof startOrigin>[0] = {}) {
    const origin = await startOrigin(options)
    origin.add(REPOSITORY, image, { tag: 'v1' })
    const repositoryUrl = `${origin.url}/v2/${REPOSITORY}`
    return {
      origin,
      repositoryUrl,
      blobUrl: `${repositoryUrl}/blobs/${digest}`,
      [Symbol.asyncDispose]: () => origin.close(),
    }
  }

  describe('API', () => {
    it('answers the ping', async () => {
      await using served = await serve()
      const { status, headers, body } = await get(`${served.origin.url}/v2/`)
      assert.deepEqual([status, body.toString()], [200, '{}'])
      assert.equal(headers['docker-distribution-api-version'], 'registry/2.0')
    })

    for (const method of ['GET', 'HEAD'] as const) {
      it(`describes a manifest completely, asked for by ${method} and by tag or digest`, async () => {
        await using served = await serve()
        const { digest, mediaType, sizeBytes } = image.manifest.descriptor
        for (const reference of ['v1', digest, digest.replace(':', '%3A')]) {
          const reply = await get(`${served.repositoryUrl}/manifests/${reference}`, { method })
          assert.equal(reply.status, 200)
          assert.equal(reply.headers['content-type'], mediaType)
          assert.equal(reply.headers['content-length'], String(sizeBytes))
          assert.equal(reply.headers['docker-content-digest'], digest)
          assert.equal(reply.headers.etag, `"${digest}"`)
          assert.deepEqual(
            reply.body,
            method === 'HEAD' ? Buffer.alloc(0) : Buffer.from(image.manifest.bytes),
          )
        }
      })

      it(`describes a blob completely, asked for by ${method}`, async () => {
        await using served = await serve()
        const reply = await get(served.blobUrl, { method })
        assert.equal(reply.status, 200)
        assert.equal(reply.headers['content-type'], 'application/octet-stream')
        assert.equal(reply.headers['content-length'], String(layer.bytes.length))
        assert.equal(reply.headers['accept-ranges'], 'bytes')
        assert.equal(reply.headers['docker-content-digest'], digest)
        assert.deepEqual(reply.body, method === 'HEAD' ? Buffer.alloc(0) : Buffer.from(layer.bytes))
      })
    }

    it('serves an index and every image that it lists', async () => {
      await using served = await serve()
      const arm = await buildImage({
        seed: 1,
        layerBytes: [10],
        platform: { os: 'linux', architecture: 'arm64' },
      })
      const index = buildIndex([image, arm])
      served.origin.add(REPOSITORY, index, { tag: 'multi' })
      const byTag = await get(`${served.repositoryUrl}/manifests/multi`)
      assert.deepEqual(byTag.body, Buffer.from(index.manifest.bytes))
      const child = await get(`${served.repositoryUrl}/manifests/${arm.manifest.descriptor.digest}`)
      assert.deepEqual(child.body, Buffer.from(arm.manifest.bytes))
    })

    it('serves an artifact of any media type as a manifest', async () => {
      await using served = await serve()
      const manifest = builtContent(Buffer.from('{}'), 'application/vnd.example+json')
      served.origin.add(REPOSITORY, { manifest, contents: new Map() }, { tag: 'odd' })
      const reply = await get(`${served.repositoryUrl}/manifests/odd`)
      assert.equal(reply.headers['content-type'], 'application/vnd.example+json')
    })

    for (const [range, start, end] of [
      ['bytes=0-', 0, undefined],
      ['bytes=500-1499', 500, 1500],
      ['bytes=500-', 500, undefined],
      ['bytes=-500', -500, undefined],
      ['bytes=-99999999', 0, undefined],
      ['bytes=2000-99999999', 2000, undefined],
    ] as const) {
      it(`answers a range: ${range}`, async () => {
        await using served = await serve()
        const { status, headers, body } = await get(served.blobUrl, { headers: { range } })
        const expected = Buffer.from(layer.bytes).subarray(start, end)
        const first = start < 0 ? layer.bytes.length + start : start
        assert.equal(status, 206)
        assert.equal(
          headers['content-range'],
          `bytes ${first}-${first + expected.length - 1}/${layer.bytes.length}`,
        )
        assert.equal(headers['content-length'], String(expected.length))
        assert.deepEqual(body, expected)
      })
    }

    for (const range of ['bytes=500-0', 'bytes=99999999-', 'bytes=-0']) {
      it(`refuses a range that is not inside the blob: ${range}`, async () => {
        await using served = await serve()
        const reply = await get(served.blobUrl, { headers: { range } })
        assert.equal(reply.status, 416)
        assert.equal(reply.headers['content-range'], `bytes */${layer.bytes.length}`)
        assert.equal(errorCodeOf(reply), 'RANGE_INVALID')
      })
    }

    for (const range of ['bytes=-', 'bytes=0-1,5-6', 'lines=1-2']) {
      it(`sends everything for a range that it ignores: ${range}`, async () => {
        await using served = await serve()
        const { status, body } = await get(served.blobUrl, { headers: { range } })
        assert.deepEqual([status, body.length], [200, layer.bytes.length])
      })
    }

    it('sends an empty blob whole, whatever range is asked for', async () => {
      await using served = await serve()
      const empty = builtContent(new Uint8Array(), 'application/octet-stream')
      const contents = new Map([[empty.descriptor.digest, empty]])
      served.origin.add(REPOSITORY, { manifest: image.manifest, contents })
      const url = `${served.repositoryUrl}/blobs/${empty.descriptor.digest}`
      const { status, headers } = await get(url, { headers: { range: 'bytes=0-' } })
      assert.deepEqual([status, headers['content-length']], [200, '0'])
    })

    for (const quote of ['"', '']) {
      it(`says 304 to who has the content already, with the tag in quotes: ${quote !== ''}`, async () => {
        await using served = await serve()
        const { digest } = image.manifest.descriptor
        const headers = { 'if-none-match': `"other", ${quote}${digest}${quote}` }
        const reply = await get(`${served.repositoryUrl}/manifests/v1`, { headers })
        assert.deepEqual([reply.status, reply.body.length], [304, 0])
        assert.equal(reply.headers['docker-content-digest'], digest)
      })
    }

    it('lists the tags of a repository in order', async () => {
      await using served = await serve()
      served.origin.add(REPOSITORY, image, { tag: 'latest' })
      served.origin.add(REPOSITORY, image, { tag: 'V2' })
      const { body } = await get(`${served.repositoryUrl}/tags/list`)
      assert.deepEqual(JSON.parse(body.toString()), { name: REPOSITORY, tags: ['V2', 'latest', 'v1'] })
    })

    it('answers 404 with the error code of what is missing', async () => {
      await using served = await serve()
      const { origin, repositoryUrl } = served
      const unknown = `sha256:${'0'.repeat(64)}`
      const codeAt = async (url: string) => {
        const reply = await get(url)
        assert.equal(reply.status, 404)
        return errorCodeOf(reply)
      }
      assert.equal(await codeAt(`${repositoryUrl}/manifests/none`), 'MANIFEST_UNKNOWN')
      assert.equal(await codeAt(`${repositoryUrl}/manifests/${unknown}`), 'MANIFEST_UNKNOWN')
      assert.equal(await codeAt(`${repositoryUrl}/blobs/${unknown}`), 'BLOB_UNKNOWN')
      assert.equal(await codeAt(`${origin.url}/v2/other/blobs/${digest}`), 'BLOB_UNKNOWN')
      assert.equal(await codeAt(`${origin.url}/v2/other/tags/list`), 'NAME_UNKNOWN')
      assert.equal(await codeAt(`${origin.url}/v2/_catalog`), 'UNSUPPORTED')
    })

    for (const method of ['PUT', 'POST', 'PATCH', 'DELETE'] as const) {
      it(`refuses to be written to by ${method}`, async () => {
        await using served = await serve()
        const reply = await get(served.blobUrl, { method })
        assert.equal(reply.status, 405)
        assert.equal(reply.headers.allow, 'GET, HEAD')
        assert.equal(errorCodeOf(reply), 'UNSUPPORTED')
      })
    }
  })

  describe('remove', () => {
    it('forgets a tag but not what it pointed to', async () => {
      await using served = await serve()
      served.origin.remove(REPOSITORY, 'v1')
      assert.equal((await get(`${served.repositoryUrl}/manifests/v1`)).status, 404)
      const { digest } = image.manifest.descriptor
      assert.equal((await get(`${served.repositoryUrl}/manifests/${digest}`)).status, 200)
    })

    it('forgets a blob in one repository only', async () => {
      await using served = await serve()
      served.origin.add('other', image)
      served.origin.remove(REPOSITORY, digest)
      assert.equal((await get(served.blobUrl)).status, 404)
      assert.equal((await get(`${served.origin.url}/v2/other/blobs/${digest}`)).status, 200)
    })

    it('does nothing when there is no such thing', async () => {
      await using served = await serve()
      served.origin.remove(REPOSITORY, 'none')
      served.origin.remove('none', 'none')
    })
  })

  describe('bearer authentication', () => {
    it('sends a client without a token to where it gets one', async () => {
      await using served = await serve({ auth: 'bearer' })
      const { host } = served.origin
      const refused = await get(served.blobUrl)
      assert.equal(refused.status, 401)
      assert.equal(errorCodeOf(refused), 'UNAUTHORIZED')
      assert.equal(
        refused.headers['www-authenticate'],
        `Bearer realm="http://${host}/token",service="layermesh-origin",scope="repository:${REPOSITORY}:pull"`,
      )
      const ping = await get(`${served.origin.url}/v2/`)
      assert.equal(
        ping.headers['www-authenticate'],
        `Bearer realm="http://${host}/token",service="layermesh-origin"`,
      )
    })

    async function tokenFor(url: string, scope: string): Promise<string> {
      const { body } = await get(
        `${url}/token?${String(new URLSearchParams({ service: 'layermesh-origin', scope }))}`,
      )
      return (JSON.parse(body.toString()) as { token: string }).token
    }

    it('serves a client whose token is for the repository', async () => {
      await using served = await serve({ auth: 'bearer' })
      const token = await tokenFor(served.origin.url, `repository:${REPOSITORY}:pull`)
      const headers = { authorization: `Bearer ${token}` }
      assert.deepEqual((await get(served.blobUrl, { headers })).body, Buffer.from(layer.bytes))
      assert.equal((await get(`${served.origin.url}/v2/`, { headers })).status, 200)
    })

    it('grants several repositories at once', async () => {
      await using served = await serve({ auth: 'bearer' })
      const token = await tokenFor(served.origin.url, `repository:a:pull repository:${REPOSITORY}:pull,push`)
      const headers = { authorization: `Bearer ${token}` }
      assert.equal((await get(served.blobUrl, { headers })).status, 200)
    })

    it('says how long a token is valid and refuses it afterwards', async () => {
      const clock = new ManualClock()
      await using served = await serve({ auth: 'bearer', tokenLifetimeSeconds: 60, clock })
      const query = new URLSearchParams({
        service: 'layermesh-origin',
        scope: `repository:${REPOSITORY}:pull`,
      })
      const issued = await get(`${served.origin.url}/token?${String(query)}`)
      const token = JSON.parse(issued.body.toString()) as Record<string, unknown>
      assert.equal(token['expires_in'], 60)
      assert.equal(token['issued_at'], new Date(clock.now()).toISOString())
      assert.equal(token['access_token'], token['token'])
      const headers = { authorization: `Bearer ${String(token['token'])}` }
      clock.advance(59_999)
      assert.equal((await get(served.blobUrl, { headers })).status, 200)
      clock.advance(1)
      const expired = await get(served.blobUrl, { headers })
      assert.equal(expired.status, 401)
      assert.match(String(expired.headers['www-authenticate']), /error="invalid_token"/)
    })

    for (const scope of ['repository:other:pull', `repository:${REPOSITORY}:push`, '']) {
      it(`refuses a token for something else: "${scope}"`, async () => {
        await using served = await serve({ auth: 'bearer' })
        const headers = { authorization: `Bearer ${await tokenFor(served.origin.url, scope)}` }
        const refused = await get(served.blobUrl, { headers })
        assert.equal(refused.status, 401)
        assert.match(String(refused.headers['www-authenticate']), /error="insufficient_scope"/)
      })
    }

    it('issues no token for another service', async () => {
      await using served = await serve({ auth: 'bearer' })
      assert.equal((await get(`${served.origin.url}/token?service=other`)).status, 400)
    })

    it('has no token endpoint when anybody may pull', async () => {
      await using served = await serve()
      assert.equal((await get(`${served.origin.url}/token?service=layermesh-origin`)).status, 404)
    })
  })

  describe('redirected blobs', () => {
    it('sends a GET to another origin, which serves the bytes and ranges of them', async () => {
      await using served = await serve({ redirectBlobs: true })
      const redirect = await get(served.blobUrl)
      assert.deepEqual([redirect.status, redirect.body.length], [307, 0])
      const { location } = redirect.headers
      assert.notEqual(new URL(location!).host, served.origin.host)
      assert.deepEqual((await get(location!)).body, Buffer.from(layer.bytes))
      const range = await get(location!, { headers: { range: 'bytes=10-19' } })
      assert.equal(range.status, 206)
      assert.deepEqual(range.body, Buffer.from(layer.bytes).subarray(10, 20))
    })

    it('answers a HEAD itself, since signed addresses are good for one method', async () => {
      await using served = await serve({ redirectBlobs: true })
      assert.equal((await get(served.blobUrl, { method: 'HEAD' })).status, 200)
      const { location } = (await get(served.blobUrl)).headers
      assert.equal((await get(location!, { method: 'HEAD' })).status, 403)
    })

    it('refuses, and records, a token that was taken along to the other origin', async () => {
      await using served = await serve({ redirectBlobs: true })
      const { location } = (await get(served.blobUrl)).headers
      const refused = await get(location!, { headers: { authorization: 'Bearer secret' } })
      assert.equal(refused.status, 400)
      const leaks = served.origin.requests.filter(
        ({ server, authorization }) => server === 'cdn' && authorization,
      )
      assert.equal(leaks.length, 1)
    })

    it('refuses an address whose signature was cut off', async () => {
      await using served = await serve({ redirectBlobs: true })
      const { location } = (await get(served.blobUrl)).headers
      assert.equal((await get(location!.split('?')[0]!)).status, 403)
    })

    it('redirects nobody to a blob that is not there', async () => {
      await using served = await serve({ redirectBlobs: true })
      assert.equal((await get(`${served.repositoryUrl}/blobs/sha256:${'0'.repeat(64)}`)).status, 404)
    })
  })

  describe('account', () => {
    it('counts the bytes of bodies by kind and content, exactly', async () => {
      await using served = await serve()
      const { origin, repositoryUrl, blobUrl } = served
      await get(`${repositoryUrl}/manifests/v1`)
      await get(`${repositoryUrl}/manifests/v1`, { method: 'HEAD' })
      await get(blobUrl)
      await get(blobUrl, { headers: { range: 'bytes=0-99' } })
      const missing = await get(`${repositoryUrl}/manifests/none`)
      const manifest = image.manifest.descriptor
      assert.deepEqual(origin.account(), {
        manifestBytes: manifest.sizeBytes,
        blobBytes: layer.bytes.length + 100,
        otherBytes: missing.body.length,
        byDigest: { [manifest.digest]: manifest.sizeBytes, [digest]: layer.bytes.length + 100 },
        uniqueBytes: manifest.sizeBytes + layer.bytes.length,
      })
    })

    it('has sent what is unique once when everything was pulled once', async () => {
      await using served = await serve({ redirectBlobs: true })
      await get(`${served.repositoryUrl}/manifests/v1`)
      for (const { descriptor } of [image.config, ...image.layers]) {
        const { location } = (await get(`${served.repositoryUrl}/blobs/${descriptor.digest}`)).headers
        await get(location!)
      }
      const { manifestBytes, blobBytes, uniqueBytes } = served.origin.account()
      assert.deepEqual([manifestBytes + blobBytes, uniqueBytes], [uniqueBytesOf(image), uniqueBytesOf(image)])
    })

    it('starts again at nothing after a reset', async () => {
      await using served = await serve()
      await get(served.blobUrl)
      served.origin.resetAccount()
      const nothing = { manifestBytes: 0, blobBytes: 0, otherBytes: 0, byDigest: {}, uniqueBytes: 0 }
      assert.deepEqual(served.origin.account(), nothing)
    })

    it('does not count what a client that hung up did not take', async () => {
      await using served = await serve()
      const large = await buildImage({ seed: 2, layerBytes: [64 * MiB], compression: 'none' })
      served.origin.add(REPOSITORY, large)
      const { digest, sizeBytes } = large.layers[0]!.descriptor
      const controller = new AbortController()
      const url = `${served.repositoryUrl}/blobs/${digest}`
      const { body } = await request(url, { signal: controller.signal })
      // The client reads nothing, so the origin gets as far as the system's buffers go, and no further.
      body.on('error', () => {})
      const begun = await served.origin.waitForRequest(({ bytesSent }) => bytesSent > 0)
      controller.abort()
      await served.origin.waitForRequest(({ outcome }) => outcome === 'aborted')
      assert.ok(begun.bytesSent < sizeBytes)
      assert.equal(served.origin.account().blobBytes, begun.bytesSent)
    })

    it('counts concurrent requests, each whole', async () => {
      await using served = await serve()
      const bodies = await Promise.all(Array.from({ length: 20 }, () => get(served.blobUrl)))
      assert.ok(bodies.every(({ body }) => body.equals(layer.bytes)))
      assert.equal(served.origin.account().blobBytes, 20 * layer.bytes.length)
    })
  })
})
