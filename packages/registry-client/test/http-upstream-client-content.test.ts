import assert from 'node:assert/strict'
import { startOrigin, builtContent, until, type Fault } from '@layermesh/testkit'
import { drive, REF, REPOSITORY, startFixture, TAG, type OriginFixture } from './support/client-fixture.ts'

const BLOB_BYTES = 200_000

function refOf({ blob }: OriginFixture) {
  return { ...REF, kind: 'blob', digest: blob.descriptor.digest } as const
}

/** Asks for the blob from `offset`, and compares what comes with what should come. */
async function expectTail(fixture: OriginFixture, offset: number): Promise<void> {
  const { client, blob } = fixture
  const { sizeBytes, body } = await client.getContent(refOf(fixture), offset)
  assert.equal(sizeBytes, blob.bytes.length)
  assert.ok(Buffer.concat(await Array.fromAsync(body)).equals(blob.bytes.subarray(offset)))
}

/** Reads the blob to the error that must come; yields the number of bytes before. */
async function readUntilError(fixture: OriginFixture, offset: number, code: string): Promise<number> {
  const { body } = await fixture.client.getContent(refOf(fixture), offset)
  let receivedBytes = 0
  await assert.rejects(
    async () => {
      for await (const chunk of body) receivedBytes += chunk.length
    },
    { code },
  )
  return receivedBytes
}

/** A fault of each GET of a blob. */
function blobFault(action: Fault['action']): Fault {
  return { match: { kind: 'blob', method: 'GET' }, action }
}

describe('HttpUpstreamClient', () => {
  describe('getContent', () => {
    it('gets a whole blob, without asking for a range', async () => {
      await using fixture = await startFixture({ blobBytes: BLOB_BYTES })
      await expectTail(fixture, 0)
      assert.equal(fixture.origin.requests[0]?.range, undefined)
    })

    it('gets the tail of a blob, and only that', async () => {
      await using fixture = await startFixture({ blobBytes: BLOB_BYTES })
      await expectTail(fixture, 150_001)
      assert.equal(fixture.origin.account().blobBytes, fixture.blob.bytes.length - 150_001)
    })

    it('gets a manifest by digest', async () => {
      await using fixture = await startFixture()
      const { client, image } = fixture
      const { digest } = image.manifest.descriptor
      for (const offset of [0, 7]) {
        const { sizeBytes, body } = await client.getContent({ ...REF, kind: 'manifest', digest }, offset)
        assert.equal(sizeBytes, image.manifest.bytes.length)
        assert.ok(Buffer.concat(await Array.fromAsync(body)).equals(image.manifest.bytes.subarray(offset)))
      }
    })

    it('gets an empty blob', async () => {
      await using fixture = await startFixture()
      const empty = builtContent(new Uint8Array(), 'application/octet-stream')
      const { digest } = empty.descriptor
      fixture.origin.add(REPOSITORY, {
        manifest: fixture.image.manifest,
        contents: new Map([[digest, empty]]),
      })
      const { sizeBytes, body } = await fixture.client.getContent({ ...REF, kind: 'blob', digest }, 0)
      assert.equal(sizeBytes, 0)
      assert.deepEqual(await Array.fromAsync(body), [])
    })

    it('skips the first bytes when upstream ignores the range', async () => {
      await using fixture = await startFixture({ blobBytes: BLOB_BYTES })
      fixture.origin.script(blobFault({ type: 'ignoreRange' }))
      await expectTail(fixture, 150_001)
    })

    it('rejects with ERR_UPSTREAM_PROTOCOL when upstream answers with another range', async () => {
      await using fixture = await startFixture({ blobBytes: BLOB_BYTES })
      const headers = { 'content-range': `bytes 0-${BLOB_BYTES - 1}/${BLOB_BYTES}` }
      fixture.origin.script(blobFault({ type: 'setHeaders', headers }))
      await assert.rejects(fixture.client.getContent(refOf(fixture), 10), { code: 'ERR_UPSTREAM_PROTOCOL' })
    })

    it('rejects with ERR_UPSTREAM_PROTOCOL when the offset is behind the end', async () => {
      await using fixture = await startFixture({ blobBytes: BLOB_BYTES })
      const offset = fixture.blob.bytes.length + 1
      await assert.rejects(fixture.client.getContent(refOf(fixture), offset), /was answered with 416$/)
      fixture.origin.script(blobFault({ type: 'ignoreRange' }))
      await assert.rejects(fixture.client.getContent(refOf(fixture), offset), /is shorter than the offset$/)
    })

    it('rejects with ERR_UPSTREAM_PROTOCOL when the body is compressed', async () => {
      await using fixture = await startFixture()
      fixture.origin.script(blobFault({ type: 'gzip' }))
      await assert.rejects(
        fixture.client.getContent(refOf(fixture), 0),
        /in an encoding that was not asked for$/,
      )
    })

    it('asks for the size by HEAD when the reply leaves it out', async () => {
      await using fixture = await startFixture({ blobBytes: BLOB_BYTES })
      fixture.origin.script(blobFault({ type: 'omitHeaders', names: ['content-length'] }))
      await expectTail(fixture, 0)
      assert.deepEqual(
        fixture.origin.requests.map(({ method }) => method),
        ['GET', 'HEAD'],
      )
    })

    it('rejects with ERR_UPSTREAM_PROTOCOL when nobody says the size', async () => {
      await using fixture = await startFixture()
      fixture.origin.script({
        match: { kind: 'blob' },
        action: { type: 'omitHeaders', names: ['content-length', 'content-range'] },
      })
      await assert.rejects(fixture.client.getContent(refOf(fixture), 0), /was answered without a size$/)
    })

    it('throws ERR_UPSTREAM_TRUNCATED when the connection ends too early', async () => {
      await using fixture = await startFixture({ blobBytes: BLOB_BYTES })
      fixture.origin.script(blobFault({ type: 'cut', afterBytes: 70_000 }))
      assert.equal(await readUntilError(fixture, 0, 'ERR_UPSTREAM_TRUNCATED'), 70_000)
    })

    for (const contentLength of ['whole', 'none'] as const) {
      it(`throws ERR_UPSTREAM_TRUNCATED when the body is too short (Content-Length: ${contentLength})`, async () => {
        await using fixture = await startFixture({ blobBytes: BLOB_BYTES })
        fixture.origin.script(blobFault({ type: 'truncate', toBytes: 70_000, contentLength }))
        assert.equal(await readUntilError(fixture, 0, 'ERR_UPSTREAM_TRUNCATED'), 70_000)
      })
    }

    it('throws ERR_UPSTREAM_TRUNCATED when the body is shorter than its range', async () => {
      await using fixture = await startFixture({ blobBytes: BLOB_BYTES })
      fixture.origin.script(blobFault({ type: 'truncate', toBytes: 1000, contentLength: 'sent' }))
      assert.equal(await readUntilError(fixture, 100, 'ERR_UPSTREAM_TRUNCATED'), 1000)
    })

    for (const [contentLength, offset] of [
      ['none', 0],
      ['sent', 100],
    ] as const) {
      it(`throws ERR_UPSTREAM_TRUNCATED, after no byte too many, when the body is too long from ${offset}`, async () => {
        await using fixture = await startFixture({ blobBytes: BLOB_BYTES })
        fixture.origin.script(blobFault({ type: 'extend', byBytes: 70_000, contentLength }))
        const receivedBytes = await readUntilError(fixture, offset, 'ERR_UPSTREAM_TRUNCATED')
        assert.ok(receivedBytes <= fixture.blob.bytes.length - offset)
      })
    }

    it('throws ERR_UPSTREAM_STALLED when no byte comes for too long', async () => {
      await using fixture = await startFixture({ blobBytes: BLOB_BYTES })
      const { clock, origin } = fixture
      origin.script(blobFault({ type: 'stall', afterBytes: 70_000 }))
      const reading = readUntilError(fixture, 0, 'ERR_UPSTREAM_STALLED')
      const request = await origin.waitForRequest(({ bytesSent }) => bytesSent === 70_000)
      await drive(clock, reading, 1)
      await origin.waitForRequest((other) => other === request && other.outcome === 'aborted')
      assert.equal(clock.pendingTimers, 0)
    })

    it('throws ERR_UPSTREAM_STALLED when the body drips', async () => {
      await using fixture = await startFixture({ blobBytes: BLOB_BYTES })
      const { client, clock, origin } = fixture
      origin.script(blobFault({ type: 'drip', bytes: 1000, everyMs: 5000 }))
      const { body } = await client.getContent(refOf(fixture), 0)
      const iterator = body[Symbol.asyncIterator]()
      const dripped = async (chunks: number) => {
        // The origin's own pause, and the reader's patience.
        await until(() => Promise.resolve(clock.pendingTimers === 2))
        const next = iterator.next()
        clock.advance(5000)
        await origin.waitForRequest(({ bytesSent }) => bytesSent === 1000 * chunks)
        return next
      }
      const first = iterator.next()
      await until(() => Promise.resolve(clock.pendingTimers === 2))
      clock.advance(5000)
      assert.equal((await first).done, false)
      for (const chunk of [2, 3]) assert.equal((await dripped(chunk)).done, false)
      await assert.rejects(dripped(4), /sent next to nothing for too long$/)
      await origin.waitForRequest(({ outcome }) => outcome === 'aborted')
      assert.equal(clock.pendingTimers, 0)
    })

    it('does not take a slow reader for a stall', async () => {
      await using fixture = await startFixture({ blobBytes: BLOB_BYTES })
      const { client, clock, blob } = fixture
      const { body } = await client.getContent(refOf(fixture), 0)
      let receivedBytes = 0
      for await (const chunk of body) {
        receivedBytes += chunk.length
        clock.advance(3_600_000)
      }
      assert.equal(receivedBytes, blob.bytes.length)
    })

    for (const title of ['before the first chunk', 'in the middle']) {
      it(`closes the connection when the reader goes away ${title}`, async () => {
        await using fixture = await startFixture({ blobBytes: 32_000_000 })
        const { client, clock, origin } = fixture
        const { body } = await client.getContent(refOf(fixture), 0)
        const iterator = body[Symbol.asyncIterator]()
        if (title === 'in the middle') await iterator.next()
        await iterator.return?.()
        await origin.waitForRequest(({ outcome }) => outcome === 'aborted')
        assert.equal(clock.pendingTimers, 0)
      })
    }

    it('throws the reason of the signal in the middle of the body', async () => {
      await using fixture = await startFixture({ blobBytes: BLOB_BYTES })
      const { client, origin } = fixture
      origin.script(blobFault({ type: 'stall', afterBytes: 70_000 }))
      const controller = new AbortController()
      const { body } = await client.getContent(refOf(fixture), 0, { signal: controller.signal })
      const reading = Array.fromAsync(body)
      await origin.waitForRequest(({ bytesSent }) => bytesSent === 70_000)
      const reason = new Error('gone')
      controller.abort(reason)
      await assert.rejects(reading, reason)
      await origin.waitForRequest(({ outcome }) => outcome === 'aborted')
    })

    it('reads many blobs at the same time', async () => {
      await using fixture = await startFixture({ blobBytes: BLOB_BYTES })
      const offsets = Array.from({ length: 50 }, (_, index) => index * 1000)
      await Promise.all(offsets.map((offset) => expectTail(fixture, offset)))
    })
  })

  describe('redirects', () => {
    it('leave the token behind on the way to storage, and keep the range', async () => {
      await using fixture = await startFixture({ blobBytes: BLOB_BYTES, auth: 'bearer', redirectBlobs: true })
      const { origin } = fixture
      await expectTail(fixture, 0)
      await expectTail(fixture, 100_000)
      const stored = origin.requests.filter(({ server }) => server === 'cdn')
      assert.deepEqual(
        stored.map(({ authorization, range }) => [authorization, range]),
        [
          [false, undefined],
          [false, 'bytes=100000-'],
        ],
      )
      assert.equal(
        origin.requests.filter(({ kind, authorization }) => kind === 'redirect' && authorization).length,
        2,
      )
    })

    it('keep the token on the registry itself, and resolve a relative Location', async () => {
      await using fixture = await startFixture({ auth: 'bearer' })
      const { client, origin, image } = fixture
      const location = `../manifests/${image.manifest.descriptor.digest}`
      origin.script({ match: { reference: 'moved' }, action: { type: 'redirect', location, status: 301 } })
      await client.headManifest(REF, TAG)
      const seen = origin.requests.length
      assert.deepEqual(await client.headManifest(REF, 'moved'), image.manifest.descriptor)
      assert.deepEqual(
        origin.requests.slice(seen).map(({ status, authorization }) => [status, authorization]),
        [
          [301, true],
          [200, true],
        ],
      )
    })

    // registry.k8s.io sends everything on, manifests too.
    it('may lead manifests to another registry, which sees no token', async () => {
      await using elsewhere = await startOrigin()
      await using fixture = await startFixture({ auth: 'bearer' })
      const { client, origin, image } = fixture
      elsewhere.add(REPOSITORY, image, { tag: TAG })
      await client.headManifest(REF, TAG)
      const location = `${elsewhere.url}/v2/${REPOSITORY}/manifests/${TAG}`
      origin.script({ match: { kind: 'manifest' }, action: { type: 'redirect', location } })
      assert.deepEqual(await client.headManifest(REF, TAG), image.manifest.descriptor)
      const { digest } = await client.getManifest(REF, TAG)
      assert.equal(digest, image.manifest.descriptor.digest)
      assert.deepEqual(
        elsewhere.requests.map(({ method, authorization }) => [method, authorization]),
        [
          ['HEAD', false],
          ['GET', false],
        ],
      )
    })

    it('are followed ten times, and no more', async () => {
      await using fixture = await startFixture()
      const { client, origin } = fixture
      const fault = origin.script({ match: {}, action: { type: 'redirect', location: '?again' }, times: 10 })
      assert.ok((await client.headManifest(REF, TAG)) !== undefined)
      fault[Symbol.dispose]()
      const seen = origin.requests.length
      origin.script({ match: {}, action: { type: 'redirect', location: '?again' } })
      await assert.rejects(client.headManifest(REF, TAG), /was redirected more than 10 times$/)
      assert.equal(origin.requests.length - seen, 11)
    })

    it('that have expired when they are followed are asked for again, once', async () => {
      for (const status of [400, 401, 403]) {
        await using fixture = await startFixture({ blobBytes: BLOB_BYTES, redirectBlobs: true })
        const { origin } = fixture
        origin.script({ match: { server: 'cdn' }, action: { type: 'status', status }, times: 1 })
        await expectTail(fixture, 100)
        assert.deepEqual(
          origin.requests.map(({ kind, range, status: answered }) => [kind, range, answered]),
          [
            ['redirect', 'bytes=100-', 307],
            ['blob', 'bytes=100-', status],
            ['redirect', 'bytes=100-', 307],
            ['blob', 'bytes=100-', 206],
          ],
        )
      }
    })

    it('put no signature into a message', async () => {
      await using fixture = await startFixture({ redirectBlobs: true })
      fixture.origin.script({ match: { server: 'cdn' }, action: { type: 'status', status: 403 } })
      await assert.rejects(fixture.client.getContent(refOf(fixture), 0), (error: Error) => {
        assert.match(
          error.message,
          /^reg\.example: GET of a blob from 127\.0\.0\.1:\d+ was answered with 403$/,
        )
        return true
      })
    })

    it('to storage that says 401 get it no token', async () => {
      await using fixture = await startFixture({ redirectBlobs: true })
      const { client, origin } = fixture
      const headers = { 'www-authenticate': `Bearer realm="${origin.url}/token"` }
      origin.script({ match: { server: 'cdn' }, action: { type: 'status', status: 401, headers } })
      await assert.rejects(client.getContent(refOf(fixture), 0), { code: 'ERR_UPSTREAM_DENIED' })
      assert.equal(
        origin.requests.some(({ kind }) => kind === 'token'),
        false,
      )
    })
  })

  describe('headBlob', () => {
    it('asks for the size by HEAD', async () => {
      await using fixture = await startFixture()
      const { client, origin, blob } = fixture
      assert.deepEqual(await client.headBlob(REF, blob.descriptor.digest), { sizeBytes: blob.bytes.length })
      assert.deepEqual(
        origin.requests.map(({ method }) => method),
        ['HEAD'],
      )
    })

    it('asks for the first byte when storage lets nobody ask by HEAD', async () => {
      await using fixture = await startFixture()
      await using storage = await startOrigin()
      const { client, origin, blob } = fixture
      storage.script({ match: { method: 'HEAD' }, action: { type: 'status', status: 403 } })
      storage.add(REPOSITORY, fixture.image)
      const location = `${storage.url}/v2/${REPOSITORY}/blobs/${blob.descriptor.digest}`
      origin.script({ match: { kind: 'blob' }, action: { type: 'redirect', location } })
      assert.deepEqual(await client.headBlob(REF, blob.descriptor.digest), { sizeBytes: blob.bytes.length })
      assert.equal(storage.account().blobBytes, 1)
    })

    it('asks for the first byte when the reply leaves the size out', async () => {
      await using fixture = await startFixture()
      const { client, origin, blob } = fixture
      origin.script({ match: { method: 'HEAD' }, action: { type: 'omitHeaders', names: ['content-length'] } })
      assert.deepEqual(await client.headBlob(REF, blob.descriptor.digest), { sizeBytes: blob.bytes.length })
      assert.deepEqual(
        origin.requests.map(({ method, range }) => [method, range]),
        [
          ['HEAD', undefined],
          ['GET', 'bytes=0-0'],
        ],
      )
    })

    it('rejects with ERR_UPSTREAM_NOT_FOUND when there is no such blob', async () => {
      await using fixture = await startFixture()
      const { digest } = fixture.blob.descriptor
      fixture.origin.remove(REPOSITORY, digest)
      await assert.rejects(fixture.client.headBlob(REF, digest), { code: 'ERR_UPSTREAM_NOT_FOUND' })
    })

    it('rejects with ERR_UPSTREAM_DENIED when the registry itself refuses', async () => {
      await using fixture = await startFixture()
      const { client, origin, blob } = fixture
      origin.script({ match: {}, action: { type: 'status', status: 403 } })
      await assert.rejects(client.headBlob(REF, blob.descriptor.digest), { code: 'ERR_UPSTREAM_DENIED' })
      assert.equal(origin.requests.length, 1)
    })
  })
})
