import assert from 'node:assert/strict'
import { OCI_INDEX, OCI_MANIFEST } from '@layermesh/oci'
import {
  artifactOf,
  buildImage,
  buildIndex,
  builtContent,
  builtJson,
  expectNoLeaks,
  ManualClock,
  startOrigin,
  takeResourceSnapshot,
  type BuiltImage,
  type BuiltLayer,
  type OriginOptions,
  type ResourceSnapshot,
} from '@layermesh/testkit'
import { get, type Got } from './support/get.ts'

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

  async function serve(options: OriginOptions = {}) {
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

    it('gives the page of tags that is asked for, and where the next one is', async () => {
      await using served = await serve()
      for (const tag of ['v2', 'v3', 'v4']) served.origin.add(REPOSITORY, image, { tag })
      const pageAt = async (query: string) => {
        const { body, headers } = await get(`${served.repositoryUrl}/tags/list?${query}`)
        return [(JSON.parse(body.toString()) as { tags: unknown }).tags, headers['link']]
      }
      const next = (query: string) => `</v2/${REPOSITORY}/tags/list?${query}>; rel="next"`
      assert.deepEqual(await pageAt('n=2'), [['v1', 'v2'], next('n=2&last=v2')])
      assert.deepEqual(await pageAt('n=2&last=v2'), [['v3', 'v4'], undefined])
      assert.deepEqual(await pageAt('last=v3'), [['v4'], undefined])
      assert.deepEqual(await pageAt('n=0'), [[], undefined])
    })

    it('lists what refers to a manifest, of the type that is asked for', async () => {
      await using served = await serve()
      const { descriptor } = image.manifest
      const subject = {
        digest: descriptor.digest,
        mediaType: descriptor.mediaType,
        size: descriptor.sizeBytes,
      }
      const signature = builtJson({ schemaVersion: 2, artifactType: 'a/signature', subject }, OCI_MANIFEST)
      const sbom = builtJson({ schemaVersion: 2, config: { mediaType: 'a/sbom' }, subject }, OCI_MANIFEST)
      for (const manifest of [signature, sbom]) {
        served.origin.add(REPOSITORY, artifactOf(manifest))
      }
      const listAt = async (query: string) => {
        const { body, headers } = await get(`${served.repositoryUrl}/referrers/${descriptor.digest}${query}`)
        assert.equal(headers['content-type'], OCI_INDEX)
        const { manifests } = JSON.parse(body.toString()) as { manifests: { digest: string }[] }
        return [manifests.map((each) => each.digest), headers['oci-filters-applied']]
      }
      const [first, second] = [signature.descriptor.digest, sbom.descriptor.digest]
      assert.deepEqual(await listAt(''), [[first, second], undefined])
      assert.deepEqual(await listAt('?artifactType=a%2Fsbom'), [[second], 'artifactType'])
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

  describe('rateBytesPerSecond', () => {
    it('sends no faster than the link, which all replies share', async () => {
      const clock = new ManualClock()
      await using served = await serve({ rateBytesPerSecond: layer.bytes.length, clock })
      const replies = [get(served.blobUrl), get(served.blobUrl)]
      let elapsedMs = 0
      const done = Promise.all(replies).then(() => true)
      const turn = () => new Promise<false>((resolve) => setImmediate(resolve, false))
      while (!(await Promise.race([done, turn()]))) {
        if (clock.pendingTimers === 0) continue
        clock.advance(10)
        elapsedMs += 10
      }
      assert.ok(elapsedMs >= 2000, `two blobs of one second each went out in ${elapsedMs} ms`)
    })
  })

  describe('close', () => {
    it('cuts replies that are under way', async () => {
      const { origin, blobUrl } = await serve()
      origin.script({ match: { kind: 'blob' }, action: { type: 'stall', afterBytes: 10 } })
      const reply = get(blobUrl)
      await origin.waitForRequest(({ bytesSent }) => bytesSent === 10)
      await Promise.all([origin.close(), assert.rejects(reply)])
      assert.equal(origin.requests[0]?.outcome, 'aborted')
    })

    it('is done at once when called again', async () => {
      const { origin } = await serve({ redirectBlobs: true })
      await origin.close()
      await origin.close()
    })

    it('frees the port for another origin', async () => {
      const { origin } = await serve()
      await origin.close()
      await using again = await serve({ port: origin.port })
      assert.equal((await get(again.blobUrl)).status, 200)
    })
  })

  it('rejects with ERR_LISTEN when the port is taken', async () => {
    await using served = await serve()
    await assert.rejects(startOrigin({ port: served.origin.port }), { code: 'ERR_LISTEN' })
  })
})
