import assert from 'node:assert/strict'
import type { ErrorCode } from '@layermesh/interface'
import { digestOf, DOCKER_MANIFEST_LIST, MAX_MANIFEST_BYTES, OCI_INDEX, OCI_MANIFEST } from '@layermesh/oci'
import { startOrigin } from '@layermesh/testkit'
import { manifestOf, REF, REPOSITORY, startFixture, TAG } from './support/client-fixture.ts'

/** A valid index of exactly `sizeBytes`. */
function indexOf(sizeBytes: number): string {
  const start = `{"schemaVersion":2,"mediaType":"${OCI_INDEX}","manifests":[],"annotations":{"x":"`
  return `${start}${'x'.repeat(sizeBytes - start.length - 3)}"}}`
}

describe('HttpUpstreamClient', () => {
  describe('headManifest', () => {
    it('describes a manifest by tag and by digest', async () => {
      await using fixture = await startFixture()
      const { client, image } = fixture
      const { descriptor } = image.manifest
      assert.deepEqual(await client.headManifest(REF, TAG), descriptor)
      assert.deepEqual(await client.headManifest(REF, descriptor.digest), descriptor)
    })

    it('is undefined when upstream leaves the digest, the size or the type out', async () => {
      await using fixture = await startFixture()
      const { client, origin } = fixture
      for (const name of ['docker-content-digest', 'content-length', 'content-type']) {
        origin.script({ match: { method: 'HEAD' }, action: { type: 'omitHeaders', names: [name] }, times: 1 })
        assert.equal(await client.headManifest(REF, TAG), undefined, name)
      }
    })

    it('is undefined when upstream names a type that is no manifest', async () => {
      await using fixture = await startFixture()
      const { client, origin } = fixture
      origin.script({
        match: {},
        action: { type: 'setHeaders', headers: { 'content-type': 'application/json' } },
      })
      assert.equal(await client.headManifest(REF, TAG), undefined)
    })

    it('is undefined when upstream refuses the method alone', async () => {
      await using fixture = await startFixture()
      await using storage = await startOrigin()
      const { client, origin } = fixture
      origin.script({ match: { method: 'HEAD' }, action: { type: 'status', status: 405 }, times: 1 })
      assert.equal(await client.headManifest(REF, TAG), undefined)

      storage.script({ match: { method: 'HEAD' }, action: { type: 'status', status: 403 } })
      origin.script({ match: {}, action: { type: 'redirect', location: storage.url } })
      assert.equal(await client.headManifest(REF, TAG), undefined)
    })

    it('rejects with ERR_UPSTREAM_PROTOCOL when upstream names a malformed digest', async () => {
      await using fixture = await startFixture()
      const { client, origin } = fixture
      const headers = { 'docker-content-digest': 'sha256:nonsense' }
      origin.script({ match: {}, action: { type: 'setHeaders', headers } })
      await assert.rejects(client.headManifest(REF, TAG), { code: 'ERR_UPSTREAM_PROTOCOL' })
    })

    it('rejects with the reason of a signal that was aborted before, without a request', async () => {
      await using fixture = await startFixture()
      const reason = new Error('gone')
      const signal = AbortSignal.abort(reason)
      await assert.rejects(fixture.client.headManifest(REF, TAG, { signal }), reason)
      assert.deepEqual(fixture.origin.requests, [])
    })

    it('rejects with the reason of a signal that is aborted while upstream thinks', async () => {
      await using fixture = await startFixture()
      const { client, origin } = fixture
      origin.script({ match: {}, action: { type: 'hang' } })
      const controller = new AbortController()
      const head = client.headManifest(REF, TAG, { signal: controller.signal })
      const request = await origin.waitForRequest(() => true)
      const reason = new Error('gone')
      controller.abort(reason)
      await assert.rejects(head, reason)
      await origin.waitForRequest((other) => other === request && other.outcome === 'aborted')
    })
  })

  describe('getManifest', () => {
    it('gets a manifest by tag and by digest, byte for byte', async () => {
      await using fixture = await startFixture()
      const { client, image } = fixture
      const { descriptor, bytes } = image.manifest
      for (const reference of [TAG, descriptor.digest]) {
        const manifest = await client.getManifest(REF, reference)
        assert.deepEqual(
          { ...manifest, bytes: Buffer.from(manifest.bytes) },
          { ...descriptor, bytes: Buffer.from(bytes) },
        )
      }
    })

    it('checks the bytes against the digest of the request', async () => {
      await using fixture = await startFixture()
      const { client, origin, image } = fixture
      const { digest } = image.manifest.descriptor
      origin.script({ match: {}, action: { type: 'corrupt', offset: 9 } })
      await assert.rejects(client.getManifest(REF, digest), /was answered with the wrong bytes$/)
    })

    it('checks the bytes against the digest that upstream names', async () => {
      await using fixture = await startFixture()
      const { client, origin } = fixture
      const headers = { 'docker-content-digest': digestOf(Buffer.from('other')) }
      origin.script({ match: {}, action: { type: 'setHeaders', headers } })
      await assert.rejects(client.getManifest(REF, TAG), /was answered with the wrong bytes$/)
    })

    it('names the digest itself when upstream does not', async () => {
      await using fixture = await startFixture()
      const { client, origin, image } = fixture
      origin.script({ match: {}, action: { type: 'omitHeaders', names: ['docker-content-digest'] } })
      assert.equal((await client.getManifest(REF, TAG)).digest, image.manifest.descriptor.digest)
    })

    it('derives the type from the body when upstream says nothing of use', async () => {
      await using fixture = await startFixture()
      const { client, origin } = fixture
      origin.add(REPOSITORY, manifestOf('{"schemaVersion":2,"config":{},"layers":[]}', 'text/plain'), {
        tag: 'bare',
      })
      assert.equal((await client.getManifest(REF, 'bare')).mediaType, OCI_MANIFEST)
    })

    it('takes the type that upstream names, without parameters', async () => {
      await using fixture = await startFixture()
      const { client, origin } = fixture
      const type = `${DOCKER_MANIFEST_LIST}; charset=utf-8`
      origin.add(REPOSITORY, manifestOf('{"schemaVersion":2,"manifests":[]}', type), { tag: 'list' })
      assert.equal((await client.getManifest(REF, 'list')).mediaType, DOCKER_MANIFEST_LIST)
    })

    it('takes the largest manifest that is allowed', async () => {
      await using fixture = await startFixture()
      const { client, origin } = fixture
      origin.add(REPOSITORY, manifestOf(indexOf(MAX_MANIFEST_BYTES), OCI_INDEX), { tag: 'large' })
      assert.equal((await client.getManifest(REF, 'large')).sizeBytes, MAX_MANIFEST_BYTES)
    })

    it('rejects with ERR_UPSTREAM_PROTOCOL when a manifest is too large, announced or not', async () => {
      await using fixture = await startFixture()
      const { client, metrics, origin } = fixture
      const receivedBytes = async () =>
        Number(/received_bytes_total\{kind="manifest"\} (\d+)/.exec(await metrics.text())?.[1])
      origin.add(REPOSITORY, manifestOf(indexOf(4 * MAX_MANIFEST_BYTES), OCI_INDEX), { tag: 'huge' })
      await assert.rejects(client.getManifest(REF, 'huge'), { code: 'ERR_UPSTREAM_PROTOCOL' })
      assert.equal(await receivedBytes(), 0)

      origin.script({ match: {}, action: { type: 'omitHeaders', names: ['content-length'] } })
      await assert.rejects(client.getManifest(REF, 'huge'), { code: 'ERR_UPSTREAM_PROTOCOL' })
      assert.ok((await receivedBytes()) < 2 * MAX_MANIFEST_BYTES)
    })

    it('undoes a compression that nobody asked for', async () => {
      await using fixture = await startFixture()
      const { client, origin, image } = fixture
      origin.script({ match: {}, action: { type: 'gzip' } })
      assert.ok(Buffer.from(image.manifest.bytes).equals((await client.getManifest(REF, TAG)).bytes))
    })

    it('rejects with ERR_UPSTREAM_PROTOCOL when the body is not encoded as it says', async () => {
      await using fixture = await startFixture()
      for (const encoding of ['gzip', 'br', 'compress', 'gzip, gzip']) {
        const headers = { 'content-encoding': encoding }
        fixture.origin.script({ match: {}, action: { type: 'setHeaders', headers }, times: 1 })
        await assert.rejects(
          fixture.client.getManifest(REF, TAG),
          { code: 'ERR_UPSTREAM_PROTOCOL' },
          encoding,
        )
      }
    })

    it('rejects with ERR_UPSTREAM_PROTOCOL when a small body is a large manifest', async () => {
      await using fixture = await startFixture()
      const { client, origin } = fixture
      origin.add(REPOSITORY, manifestOf(indexOf(MAX_MANIFEST_BYTES + 1), OCI_INDEX), { tag: 'bomb' })
      origin.script({ match: {}, action: { type: 'gzip' } })
      await assert.rejects(client.getManifest(REF, 'bomb'), { code: 'ERR_UPSTREAM_PROTOCOL' })
    })

    it('rejects with ERR_UPSTREAM_PROTOCOL for schema 1', async () => {
      await using fixture = await startFixture()
      const { client, origin } = fixture
      const type = 'application/vnd.docker.distribution.manifest.v1+prettyjws'
      origin.add(REPOSITORY, manifestOf('{"schemaVersion":1,"name":"old"}', type), { tag: 'old' })
      await assert.rejects(client.getManifest(REF, 'old'), { code: 'ERR_UPSTREAM_PROTOCOL' })
    })

    it('rejects with ERR_UPSTREAM_UNREACHABLE when the body breaks off', async () => {
      await using fixture = await startFixture()
      fixture.origin.script({ match: {}, action: { type: 'cut', afterBytes: 20 } })
      await assert.rejects(fixture.client.getManifest(REF, TAG), { code: 'ERR_UPSTREAM_UNREACHABLE' })
    })

    const refusals: readonly [status: number, code: ErrorCode][] = [
      [400, 'ERR_UPSTREAM_PROTOCOL'],
      [403, 'ERR_UPSTREAM_DENIED'],
      [404, 'ERR_UPSTREAM_NOT_FOUND'],
      [408, 'ERR_UPSTREAM_UNREACHABLE'],
    ]
    for (const [status, code] of refusals) {
      it(`rejects with ${code} after ${status}, and says of whom but not of what`, async () => {
        await using fixture = await startFixture()
        const { client, origin } = fixture
        origin.script({ match: {}, action: { type: 'status', status } })
        await assert.rejects(client.getManifest(REF, TAG), {
          code,
          message: `reg.example: GET of a manifest from ${origin.host} was answered with ${status}`,
        })
      })
    }
  })
})
