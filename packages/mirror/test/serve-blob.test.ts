import assert from 'node:assert/strict'
import { BYTE_SOURCES } from '@layermesh/interface'
import { startMirror, type MirrorFixture } from './support/mirror-fixture.ts'
import { patternBytes } from './support/pattern-bytes.ts'

const bytes = patternBytes(2048)

describe('serveBlob', () => {
  let fixture: MirrorFixture
  let digest: string
  let path: string

  beforeEach(async () => {
    fixture = await startMirror()
    digest = fixture.content.addBlob(bytes)
    path = `/v2/library/nginx/blobs/${digest}`
  })

  afterEach(() => fixture[Symbol.asyncDispose]())

  function expectHeaders(headers: Record<string, unknown>, lengthBytes: number): void {
    assert.equal(headers['content-type'], 'application/octet-stream')
    assert.equal(headers['content-length'], String(lengthBytes))
    assert.equal(headers['docker-content-digest'], digest)
    assert.equal(headers['etag'], `"${digest}"`)
    assert.equal(headers['accept-ranges'], 'bytes')
    assert.equal(headers['docker-distribution-api-version'], 'registry/2.0')
    assert.equal(headers['cache-status'], 'layermesh; hit')
    assert.equal(headers['content-encoding'], undefined)
  }

  it('gives the blob with all its headers', async () => {
    const { status, headers, body } = await fixture.get(path)
    assert.equal(status, 200)
    expectHeaders(headers, 2048)
    assert.equal(headers['content-range'], undefined)
    assert.ok(body.equals(bytes))
  })

  it('answers HEAD with the same headers and no body, without opening the blob', async () => {
    const { status, headers, body } = await fixture.head(path, { range: 'bytes=0-1' })
    assert.equal(status, 200)
    expectHeaders(headers, 2048)
    assert.equal(body.byteLength, 0)
    assert.deepEqual(
      fixture.content.calls.map((call) => call.method),
      ['statBlob'],
    )
  })

  it('gives the empty blob', async () => {
    digest = fixture.content.addBlob(Buffer.alloc(0))
    const { status, headers, body } = await fixture.get(`/v2/a/b/blobs/${digest}`, { range: 'bytes=0-' })
    assert.equal(status, 200)
    expectHeaders(headers, 0)
    assert.equal(body.byteLength, 0)
  })

  for (const [range, start, end] of [
    ['bytes=500-1499', 500, 1500],
    ['bytes=500-', 500, 2048],
    ['bytes=0-', 0, 2048],
    ['bytes=-500', 1548, 2048],
    ['bytes=2000-5000', 2000, 2048],
  ] as const) {
    it(`gives the bytes of Range: ${range}`, async () => {
      const { status, headers, body } = await fixture.get(path, { range })
      assert.equal(status, 206)
      expectHeaders(headers, end - start)
      assert.equal(headers['content-range'], `bytes ${start}-${end - 1}/2048`)
      assert.ok(body.equals(bytes.subarray(start, end)))
    })
  }

  for (const range of ['bytes=500-0', 'bytes=5000-10000', 'bytes=2048-', 'bytes=-0']) {
    it(`answers 416 to Range: ${range}`, async () => {
      const { status, headers, body } = await fixture.get(path, { range })
      assert.equal(status, 416)
      assert.equal(headers['content-range'], 'bytes */2048')
      assert.match(body.toString(), /"RANGE_INVALID"/)
    })
  }

  for (const range of ['bytes=0-1,x', 'pieces=0-1', 'bytes=x-y', 'nonsense']) {
    it(`gives the whole blob to Range: ${range}`, async () => {
      const { status, body } = await fixture.get(path, { range })
      assert.equal(status, 200)
      assert.equal(body.byteLength, 2048)
    })
  }

  it('honours Range when If-Range names the blob', async () => {
    const { status } = await fixture.get(path, { range: 'bytes=0-1', 'if-range': `"${digest}"` })
    assert.equal(status, 206)
  })

  it('ignores Range when If-Range names something else', async () => {
    const { status } = await fixture.get(path, { range: 'bytes=0-1', 'if-range': '"sha256:other"' })
    assert.equal(status, 200)
  })

  it('answers 304 to a client that has the blob and says so', async () => {
    const { status, headers } = await fixture.get(path, { 'if-none-match': digest })
    assert.equal(status, 304)
    assert.equal(headers['etag'], `"${digest}"`)
  })

  it('ignores Accept-Encoding', async () => {
    const { headers, body } = await fixture.get(path, { 'accept-encoding': 'zstd;q=1.0, gzip;q=0.8' })
    expectHeaders(headers, 2048)
    assert.ok(body.equals(bytes))
  })

  it('repeats ns', async () => {
    const { headers } = await fixture.get(`${path}?ns=docker.io`)
    assert.equal(headers['oci-namespace'], 'docker.io')
  })

  for (const source of BYTE_SOURCES) {
    it(`counts the bytes that came from ${source}`, async () => {
      fixture.content.source = source
      const { headers } = await fixture.get(path, { range: 'bytes=0-99' })
      assert.match(
        String(headers['cache-status']),
        source === 'cache' ? /; hit$/ : new RegExp(`detail=${source}$`),
      )
      assert.equal(fixture.metrics.valueOf('served_bytes_total', { source }), 100)
    })
  }

  it('closes the blob when the reply has ended', async () => {
    await fixture.get(path)
    await fixture.content.whenClosed()
  })
})
