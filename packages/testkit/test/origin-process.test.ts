import assert from 'node:assert/strict'
import {
  buildImage,
  expectNoLeaks,
  spawnOrigin,
  startOrigin,
  takeResourceSnapshot,
  uniqueBytesOf,
  type OriginProcess,
  type ResourceSnapshot,
} from '@layermesh/testkit'
import { get } from './support/get.ts'

const SPEC = { seed: 1, layerBytes: [50_000, 1000] }

describe('spawnOrigin', () => {
  let open: ResourceSnapshot
  let origin: OriginProcess

  before(async () => {
    open = await takeResourceSnapshot()
    origin = await spawnOrigin({ redirectBlobs: true })
  })

  after(async () => {
    await origin.stop()
    await expectNoLeaks(open)
  })

  it('builds the very image over there that is built here', async () => {
    const image = await buildImage(SPEC)
    const added = await origin.add('app', SPEC, { tag: 'v1' })
    assert.deepEqual(added, {
      manifest: image.manifest.descriptor,
      uniqueBytes: uniqueBytesOf(image),
      contents: [...image.contents.values()].map(({ descriptor }) => descriptor),
    })
    const { body } = await get(`${origin.url}/v2/app/manifests/v1`)
    assert.deepEqual(body, Buffer.from(image.manifest.bytes))
  })

  it('passes its options on', async () => {
    const image = await buildImage(SPEC)
    await origin.add('app', SPEC)
    const { status } = await get(`${origin.url}/v2/app/blobs/${image.config.descriptor.digest}`)
    assert.equal(status, 307)
  })

  it('accounts for what it sends, and starts again after a reset', async () => {
    const { manifest } = await origin.add('app', SPEC, { tag: 'v1' })
    await origin.resetAccount()
    await get(`${origin.url}/v2/app/manifests/v1`)
    const account = await origin.account()
    assert.equal(account.manifestBytes, manifest.sizeBytes)
    assert.deepEqual(account.byDigest, { [manifest.digest]: manifest.sizeBytes })
    await origin.resetAccount()
    assert.equal((await origin.account()).manifestBytes, 0)
  })

  it('scripts faults, and ends them', async () => {
    const fault = await origin.script({ match: { kind: 'ping' }, action: { type: 'status', status: 503 } })
    assert.equal((await get(`${origin.url}/v2/`)).status, 503)
    await fault[Symbol.asyncDispose]()
    assert.equal((await get(`${origin.url}/v2/`)).status, 200)
  })

  it('releases what a fault holds back', async () => {
    await using fault = await origin.script({ match: { kind: 'ping' }, action: { type: 'hang' } })
    const reply = get(`${origin.url}/v2/`)
    await fault.release()
    assert.equal((await reply).status, 200)
  })

  it('passes on why a call failed, and goes on', async () => {
    await assert.rejects(origin.add('app', { seed: 1, layerBytes: [-1] }), Error)
    assert.equal((await get(`${origin.url}/v2/`)).status, 200)
  })

  it('rejects when the port is taken', async () => {
    await using taken = await startOrigin()
    await assert.rejects(spawnOrigin({ port: taken.port }), /can't listen on 127\.0\.0\.1/)
  })

  describe('stop', () => {
    it('frees the port, fails the calls that are open or come later, and can be called again', async () => {
      const stopped = await spawnOrigin()
      const pending = assert.rejects(stopped.add('app', { seed: 1, layerBytes: [50_000_000] }), /has ended/)
      await Promise.all([stopped.stop(), pending])
      await stopped.stop()
      await assert.rejects(stopped.account(), /has ended/)
      await using again = await startOrigin({ port: stopped.port })
      assert.equal(again.port, stopped.port)
    })
  })
})
