import assert from 'node:assert/strict'
import {
  buildImage,
  expectNoLeaks,
  startOrigin,
  takeResourceSnapshot,
  uniqueBytesOf,
  type BuiltImage,
  type BuiltLayer,
  type OriginOptions,
  type ResourceSnapshot,
} from '@layermesh/testkit'
import { request } from 'undici'
import { get } from './support/get.ts'

const MiB = 1024 * 1024
const REPOSITORY = 'library/app'

describe('OriginRegistry account', () => {
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
