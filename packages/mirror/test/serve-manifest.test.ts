import assert from 'node:assert/strict'
import { BYTE_SOURCES, ContentUnavailableError } from '@layermesh/interface'
import { DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST } from '@layermesh/oci'
import { startMirror, type MirrorFixture } from './support/mirror-fixture.ts'

const image = Buffer.from('{"schemaVersion":2,"config":{},"layers":[]}')
const index = Buffer.from('{"schemaVersion":2,"manifests":[]}')

describe('serveManifest', () => {
  let fixture: MirrorFixture
  let digest: string

  beforeEach(async () => {
    fixture = await startMirror()
    digest = fixture.content.addManifest(OCI_MANIFEST, image, 'latest')
    fixture.content.addManifest(OCI_INDEX, index, 'multi')
  })

  afterEach(() => fixture[Symbol.asyncDispose]())

  function expectHeaders(headers: Record<string, unknown>): void {
    assert.equal(headers['content-type'], OCI_MANIFEST)
    assert.equal(headers['content-length'], String(image.byteLength))
    assert.equal(headers['docker-content-digest'], digest)
    assert.equal(headers['etag'], `"${digest}"`)
    assert.equal(headers['docker-distribution-api-version'], 'registry/2.0')
    assert.equal(headers['cache-status'], 'layermesh; hit')
    assert.equal(headers['content-encoding'], undefined)
  }

  for (const by of ['tag', 'digest']) {
    const path = () => `/v2/nginx/manifests/${by === 'tag' ? 'latest' : digest}`

    it(`gives the manifest by ${by} with all its headers`, async () => {
      const { status, headers, body } = await fixture.get(path())
      assert.equal(status, 200)
      expectHeaders(headers)
      assert.deepEqual(body, image)
    })

    it(`answers HEAD by ${by} with the same headers and no body`, async () => {
      const { status, headers, body } = await fixture.head(path())
      assert.equal(status, 200)
      expectHeaders(headers)
      assert.equal(body.byteLength, 0)
    })

    it(`answers 304 by ${by} to a client that has it and says so`, async () => {
      const { status, headers, body } = await fixture.get(path(), { 'if-none-match': `"${digest}"` })
      assert.equal(status, 304)
      assert.equal(headers['docker-content-digest'], digest)
      assert.equal(headers['etag'], `"${digest}"`)
      assert.equal(headers['cache-status'], 'layermesh; hit')
      assert.equal(body.byteLength, 0)
    })

    it(`gives the manifest by ${by} to a client that has another`, async () => {
      const { status } = await fixture.get(path(), { 'if-none-match': '"sha256:other"' })
      assert.equal(status, 200)
    })
  }

  it('asks for the tag first and then for what it points to', async () => {
    await fixture.get('/v2/nginx/manifests/latest?ns=docker.io')
    assert.deepEqual(fixture.content.calls, [
      { method: 'resolveTag', ref: { upstream: 'docker.io', repository: 'library/nginx', tag: 'latest' } },
      {
        method: 'getManifest',
        ref: { kind: 'manifest', upstream: 'docker.io', repository: 'library/nginx', digest },
      },
    ])
  })

  it('does not ask for the manifest when HEAD asks for a tag', async () => {
    await fixture.head('/v2/nginx/manifests/latest')
    assert.deepEqual(
      fixture.content.calls.map((call) => call.method),
      ['resolveTag'],
    )
  })

  it('repeats ns when the client sent it, and only then', async () => {
    const scoped = await fixture.get('/v2/library/nginx/manifests/latest?ns=Docker.io')
    assert.equal(scoped.headers['oci-namespace'], 'Docker.io')
    const prefixed = await fixture.get('/v2/docker.io/library/nginx/manifests/latest')
    assert.equal(prefixed.headers['oci-namespace'], undefined)
  })

  for (const source of BYTE_SOURCES) {
    it(`says in Cache-Status that the bytes came from ${source}`, async () => {
      fixture.content.source = source
      const { headers } = await fixture.get('/v2/nginx/manifests/latest')
      const expected = source === 'cache' ? 'layermesh; hit' : `layermesh; fwd=miss; detail=${source}`
      assert.equal(headers['cache-status'], expected)
      assert.equal(fixture.metrics.valueOf('served_bytes_total', { source }), image.byteLength)
      assert.equal(fixture.metrics.valueOf('mirror_first_byte_seconds', { source }), 1)
    })
  }

  it('answers 404 to a client that takes manifests of one image only when the tag is an index', async () => {
    const { status, body } = await fixture.get('/v2/nginx/manifests/multi', { accept: DOCKER_MANIFEST })
    assert.equal(status, 404)
    assert.match(body.toString(), /"MANIFEST_UNKNOWN"/)
  })

  for (const accept of [
    '*/*',
    'application/json',
    'text/html',
    OCI_INDEX,
    `${DOCKER_MANIFEST}, ${OCI_INDEX}`,
  ]) {
    it(`gives an index to a client with Accept: ${accept}`, async () => {
      const { status, headers } = await fixture.get('/v2/nginx/manifests/multi', { accept })
      assert.equal(status, 200)
      assert.equal(headers['content-type'], OCI_INDEX)
    })
  }

  it('ignores Accept by digest', async () => {
    const indexDigest = fixture.content.addManifest(OCI_INDEX, index)
    const { status } = await fixture.get(`/v2/nginx/manifests/${indexDigest}`, { accept: DOCKER_MANIFEST })
    assert.equal(status, 200)
  })

  it('gives a manifest of the largest size whole', async () => {
    const large = Buffer.alloc(4 * 1024 * 1024, ' ')
    large.write('{"manifests":[]}')
    const largeDigest = fixture.content.addManifest(OCI_INDEX, large)
    const { body } = await fixture.get(`/v2/nginx/manifests/${largeDigest}`)
    assert.ok(body.equals(large))
  })

  it('logs one line for each pull, without the query', async () => {
    await fixture.get('/v2/library/nginx/manifests/latest?ns=docker.io&token=secret', {
      authorization: 'Basic c2VjcmV0',
    })
    const lines = fixture.log.lines.filter((line) => line.level === 'info' && line.message === 'pull served')
    assert.equal(lines.length, 1)
    const { durationMs, ...fields } = lines[0]!.fields
    assert.ok(Number.isInteger(durationMs))
    assert.deepEqual(fields, {
      upstream: 'docker.io',
      repository: 'library/nginx',
      reference: 'latest',
      method: 'GET',
      status: 200,
      bytes: image.byteLength,
      source: 'cache',
    })
    assert.doesNotMatch(JSON.stringify(fixture.log.lines), /secret|c2VjcmV0/)
  })

  it('counts requests by the class of their status', async () => {
    await fixture.get('/v2/nginx/manifests/latest')
    await fixture.get('/v2/nginx/manifests/missing')
    fixture.content.failure = new ContentUnavailableError('no source')
    await fixture.head('/v2/nginx/manifests/latest')
    assert.equal(fixture.metrics.valueOf('mirror_requests_total', { kind: 'manifest', status: '2xx' }), 1)
    assert.equal(fixture.metrics.valueOf('mirror_requests_total', { kind: 'manifest', status: '4xx' }), 2)
  })
})
