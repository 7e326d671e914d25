import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { UpstreamUnknownError, UpstreamUnreachableError } from '@layermesh/interface'
import { expectNoLeaks, takeResourceSnapshot } from '@layermesh/testkit'
import { createClient, REF, REPOSITORY, startFixture, TAG } from './support/client-fixture.ts'
import { textOf } from './support/byte-source.ts'

describe('createUpstreamClient', () => {
  it('throws TypeError when an endpoint is no URL', () => {
    assert.throws(() => createClient(['reg.example']), TypeError)
  })

  it('rejects with ERR_UPSTREAM_UNKNOWN, without any request, for a host that is not configured', async () => {
    await using fixture = await startFixture()
    const { client, origin, blob } = fixture
    const ref = { upstream: origin.host, repository: REPOSITORY }
    const { digest } = blob.descriptor
    await assert.rejects(client.headManifest(ref, TAG), UpstreamUnknownError)
    await assert.rejects(client.getManifest(ref, TAG), UpstreamUnknownError)
    await assert.rejects(client.headBlob(ref, digest), UpstreamUnknownError)
    await assert.rejects(client.getContent({ ...ref, kind: 'blob', digest }, 0), UpstreamUnknownError)
    assert.deepEqual(origin.requests, [])
  })

  it('asks for bytes as they are, for the modern manifest types, and says who it is', async () => {
    await using fixture = await startFixture()
    await fixture.client.getManifest(REF, TAG)
    const { headers } = fixture.origin.requests[0]!
    assert.equal(headers['user-agent'], 'layermesh/1.2.3')
    assert.equal(headers['accept-encoding'], 'identity')
    assert.deepEqual(headers.accept?.split(', ').toSorted(), [
      'application/vnd.docker.distribution.manifest.list.v2+json',
      'application/vnd.docker.distribution.manifest.v2+json',
      'application/vnd.oci.image.index.v1+json',
      'application/vnd.oci.image.manifest.v1+json',
    ])
  })

  it('keeps the path of an endpoint', async () => {
    await using fixture = await startFixture()
    await using behindPath = createClient([`${fixture.origin.url}/mirror/`])
    await assert.rejects(behindPath.client.headManifest(REF, TAG))
    assert.equal(fixture.origin.requests[0]?.path, `/mirror/v2/${REPOSITORY}/manifests/${TAG}`)
  })

  it('counts requests by what they are for and how they end, and bytes', async () => {
    await using fixture = await startFixture({ auth: 'bearer', redirectBlobs: true })
    const { client, metrics, origin, blob } = fixture
    await client.getManifest(REF, TAG)
    const { body } = await client.getContent({ ...REF, kind: 'blob', digest: blob.descriptor.digest }, 0)
    await textOf(body)
    await assert.rejects(client.headManifest(REF, 'missing'))

    const text = await metrics.text()
    assert.deepEqual(text.match(/^layermesh_upstream_requests_total.* [1-9]$/gm), [
      'layermesh_upstream_requests_total{kind="manifest",outcome="ok"} 1',
      'layermesh_upstream_requests_total{kind="manifest",outcome="unauthorized"} 1',
      'layermesh_upstream_requests_total{kind="manifest",outcome="not_found"} 1',
      'layermesh_upstream_requests_total{kind="blob",outcome="ok"} 1',
      'layermesh_upstream_requests_total{kind="blob",outcome="redirected"} 1',
      'layermesh_upstream_requests_total{kind="token",outcome="ok"} 1',
    ])
    const { blobBytes } = origin.account()
    assert.equal(blobBytes, blob.bytes.length)
    assert.match(text, new RegExp(`^layermesh_upstream_received_bytes_total{kind="blob"} ${blobBytes}$`, 'm'))
  })

  it('rejects with ERR_UPSTREAM_UNREACHABLE when a connection does not come about in time', async () => {
    // It takes the connection and never begins TLS.
    const server = createServer(() => {}).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as { port: number }
    try {
      await using fixture = createClient([`https://127.0.0.1:${port}`], { init: { connectTimeoutMs: 200 } })
      await assert.rejects(
        fixture.client.headManifest(REF, TAG),
        /got no answer \(UND_ERR_CONNECT_TIMEOUT\)$/,
      )
    } finally {
      server.close()
    }
  })

  it('rejects with ERR_UPSTREAM_PROTOCOL when the answer is no HTTP', async () => {
    const server = createServer((socket) => socket.end('SSH-2.0-OpenSSH_9.2\r\n')).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as { port: number }
    try {
      await using fixture = createClient([`http://127.0.0.1:${port}`])
      await assert.rejects(fixture.client.headManifest(REF, TAG), { code: 'ERR_UPSTREAM_PROTOCOL' })
    } finally {
      server.close()
    }
  })
})

describe('close', () => {
  it('ends what is under way, leaves nothing open, and can be called again', async () => {
    // mocha arms its own timer only once the test has given it a promise.
    await Promise.resolve()
    const before = await takeResourceSnapshot()
    const fixture = await startFixture({ blobBytes: 4_000_000 })
    const { client, origin, blob } = fixture
    const { body } = await client.getContent({ ...REF, kind: 'blob', digest: blob.descriptor.digest }, 0)
    origin.script({ match: { kind: 'manifest' }, action: { type: 'hang' } })
    const waiting = client.headManifest(REF, TAG)
    await origin.waitForRequest(({ kind }) => kind === 'manifest')

    await Promise.all([
      assert.rejects(waiting, UpstreamUnreachableError),
      assert.rejects(textOf(body), { code: 'ERR_UPSTREAM_TRUNCATED' }),
      client.close(),
    ])
    await client.close()
    await assert.rejects(client.headManifest(REF, TAG), UpstreamUnreachableError)
    await origin.close()
    await expectNoLeaks(before)
  })
})
