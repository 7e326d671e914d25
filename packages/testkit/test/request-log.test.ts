import assert from 'node:assert/strict'
import {
  buildImage,
  expectNoLeaks,
  startOrigin,
  takeResourceSnapshot,
  type BuiltImage,
  type ResourceSnapshot,
} from '@layermesh/testkit'
import { get } from './support/get.ts'

describe('OriginRegistry requests', () => {
  let open: ResourceSnapshot
  let image: BuiltImage

  before(async () => {
    image = await buildImage({ seed: 1, layerBytes: [1000] })
  })

  beforeEach(async () => {
    open = await takeResourceSnapshot()
  })

  afterEach(async () => {
    await expectNoLeaks(open)
  })

  it('are logged in the order of their arrival, with what came of them', async () => {
    await using origin = await startOrigin({ redirectBlobs: true })
    origin.add('a/b', image, { tag: 'v1' })
    const { digest, sizeBytes } = image.layers[0]!.descriptor
    await get(`${origin.url}/v2/`)
    await get(`${origin.url}/v2/a/b/manifests/v1?ns=docker.io`, {
      method: 'HEAD',
      headers: { accept: '*/*', authorization: 'Bearer x' },
    })
    const { headers } = await get(`${origin.url}/v2/a/b/blobs/${digest}`)
    await get(headers.location!, { headers: { range: 'bytes=1-' } })
    assert.deepEqual(
      origin.requests.map(({ server, method, kind, repository, reference, status, bytesSent, outcome }) => [
        server,
        method,
        kind,
        repository,
        reference,
        status,
        bytesSent,
        outcome,
      ]),
      [
        ['registry', 'GET', 'ping', undefined, undefined, 200, 2, 'complete'],
        ['registry', 'HEAD', 'manifest', 'a/b', 'v1', 200, 0, 'complete'],
        ['registry', 'GET', 'redirect', 'a/b', digest, 307, 0, 'complete'],
        ['cdn', 'GET', 'blob', 'a/b', digest, 206, sizeBytes - 1, 'complete'],
      ],
    )
    const [ping, manifest, , blob] = origin.requests
    assert.deepEqual([ping?.authorization, manifest?.authorization], [false, true])
    assert.deepEqual(
      [manifest?.path, manifest?.query.get('ns')],
      ['/v2/a/b/manifests/v1?ns=docker.io', 'docker.io'],
    )
    assert.equal(manifest?.headers.accept, '*/*')
    assert.deepEqual([ping?.range, blob?.range], [undefined, 'bytes=1-'])
  })

  describe('waitForRequest', () => {
    it('resolves with a request that came before', async () => {
      await using origin = await startOrigin()
      await get(`${origin.url}/v2/`)
      const request = await origin.waitForRequest(({ kind }) => kind === 'ping')
      assert.equal(request, origin.requests[0])
    })

    it('resolves as soon as such a request arrives, and only then', async () => {
      await using origin = await startOrigin()
      let seen = false
      const waiting = origin.waitForRequest(({ kind }) => kind === 'manifest').then(() => (seen = true))
      await get(`${origin.url}/v2/`)
      assert.equal(seen, false)
      await get(`${origin.url}/v2/a/manifests/v1`)
      await waiting
    })

    it('resolves when the request becomes as wanted', async () => {
      await using origin = await startOrigin()
      const waiting = origin.waitForRequest(({ outcome }) => outcome === 'complete')
      await get(`${origin.url}/v2/`)
      assert.equal((await waiting).status, 200)
    })

    it('serves several who wait for the same', async () => {
      await using origin = await startOrigin()
      const waiting = [1, 2].map(() => origin.waitForRequest(({ kind }) => kind === 'ping'))
      await get(`${origin.url}/v2/`)
      assert.deepEqual(await Promise.all(waiting), [origin.requests[0], origin.requests[0]])
    })

    it('rejects when the origin is closed before', async () => {
      const origin = await startOrigin()
      const waiting = origin.waitForRequest(() => true)
      await origin.close()
      await assert.rejects(waiting, /closed before/)
    })
  })
})
