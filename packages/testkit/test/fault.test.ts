import assert from 'node:assert/strict'
import { gunzipSync } from 'node:zlib'
import {
  buildImage,
  expectNoLeaks,
  ManualClock,
  startOrigin,
  takeResourceSnapshot,
  until,
  type BuiltImage,
  type FaultAction,
  type OriginRegistry,
  type ResourceSnapshot,
} from '@layermesh/testkit'
import { get } from './support/get.ts'
import { rawGet } from './support/raw-get.ts'

const REPOSITORY = 'app'

describe('Fault', () => {
  let open: ResourceSnapshot
  let image: BuiltImage
  let bytes: Buffer
  let path: string
  let origin: OriginRegistry

  before(async () => {
    image = await buildImage({ seed: 1, layerBytes: [200_000] })
    bytes = Buffer.from(image.layers[0]!.bytes)
    path = `/v2/${REPOSITORY}/blobs/${image.layers[0]!.descriptor.digest}`
  })

  beforeEach(async () => {
    open = await takeResourceSnapshot()
    origin = await startOrigin()
    origin.add(REPOSITORY, image, { tag: 'v1' })
  })

  afterEach(async () => {
    await origin.close()
    await expectNoLeaks(open)
  })

  /** Gets the blob while `action` befalls blobs. */
  function getBlob(action: FaultAction, headers: Readonly<Record<string, string>> = {}) {
    origin.script({ match: { kind: 'blob' }, action })
    return get(origin.url + path, { headers })
  }

  describe('status', () => {
    it('answers with the status, an OCI error, and nothing of the content', async () => {
      const reply = await getBlob({ type: 'status', status: 429, headers: { 'retry-after': '7' } })
      assert.deepEqual([reply.status, reply.headers['retry-after']], [429, '7'])
      assert.deepEqual(JSON.parse(reply.body.toString()), {
        errors: [{ code: 'UNKNOWN', message: 'scripted fault' }],
      })
      assert.deepEqual([origin.account().blobBytes, origin.account().otherBytes], [0, reply.body.length])
    })

    it('answers with the body that it is given', async () => {
      const reply = await getBlob({ type: 'status', status: 503, body: '<html>' })
      assert.deepEqual([reply.status, reply.body.toString()], [503, '<html>'])
    })

    it('sends a header of several values as several lines', async () => {
      const headers = { 'www-authenticate': ['Negotiate', 'Basic realm="x"'] }
      origin.script({ match: {}, action: { type: 'status', status: 401, headers } })
      const reply = await get(origin.url + path)
      assert.deepEqual(reply.headers['www-authenticate'], ['Negotiate', 'Basic realm="x"'])
    })
  })

  describe('hang', () => {
    it('says nothing until it is released, then answers honestly', async () => {
      const fault = origin.script({ match: { kind: 'blob' }, action: { type: 'hang' } })
      let answered = false
      const reply = get(origin.url + path).finally(() => (answered = true))
      await origin.waitForRequest(({ kind }) => kind === 'blob')
      // While the blob hangs, all else is answered.
      assert.equal((await get(`${origin.url}/v2/`)).status, 200)
      assert.equal(answered, false)
      fault.release()
      assert.deepEqual((await reply).body, bytes)
    })

    it('lets the client give up', async () => {
      const controller = new AbortController()
      origin.script({ match: {}, action: { type: 'hang' } })
      const reply = get(origin.url + path, { signal: controller.signal })
      await origin.waitForRequest(({ outcome }) => outcome === 'open')
      controller.abort()
      await assert.rejects(reply, { name: 'AbortError' })
      const request = await origin.waitForRequest(({ outcome }) => outcome === 'aborted')
      assert.equal(request.bytesSent, 0)
    })
  })

  describe('stall', () => {
    it('sends so many bytes, then nothing until it is released, then the rest', async () => {
      const fault = origin.script({ match: { kind: 'blob' }, action: { type: 'stall', afterBytes: 70_001 } })
      const reply = get(origin.url + path)
      const stalled = await origin.waitForRequest(({ bytesSent }) => bytesSent === 70_001)
      assert.equal((await get(`${origin.url}/v2/`)).status, 200)
      assert.deepEqual([stalled.bytesSent, stalled.outcome], [70_001, 'open'])
      fault.release()
      assert.deepEqual((await reply).body, bytes)
    })

    it('goes on when it is disposed of', async () => {
      const fault = origin.script({ match: {}, action: { type: 'stall', afterBytes: 0 } })
      const reply = get(origin.url + path)
      await origin.waitForRequest(({ kind }) => kind === 'blob')
      fault[Symbol.dispose]()
      assert.deepEqual((await reply).body, bytes)
    })
  })

  describe('drip', () => {
    it('sends so many bytes each so many milliseconds', async () => {
      const clock = new ManualClock()
      await using slow = await startOrigin({ clock })
      slow.add(REPOSITORY, image)
      slow.script({ match: {}, action: { type: 'drip', bytes: 50_000, everyMs: 1000 } })
      const reply = get(slow.url + path)
      for (let sentBytes = 0; sentBytes < bytes.length; sentBytes += 50_000) {
        await until(async () => Promise.resolve(clock.pendingTimers === 1))
        clock.advance(999)
        assert.equal(slow.requests[0]?.bytesSent, sentBytes)
        clock.advance(1)
        const nextBytes = Math.min(sentBytes + 50_000, bytes.length)
        await slow.waitForRequest(({ bytesSent }) => bytesSent === nextBytes)
      }
      assert.deepEqual((await reply).body, bytes)
      assert.equal(clock.pendingTimers, 0)
    })
  })

  describe('cut', () => {
    it('closes the connection before the status line', async () => {
      origin.script({ match: {}, action: { type: 'cut' } })
      assert.deepEqual(await rawGet(origin.port, path), { head: '', body: Buffer.alloc(0) })
    })

    for (const afterBytes of [0, 1, 65_536, 150_000]) {
      it(`closes the connection after ${afterBytes} bytes, which arrive and are counted`, async () => {
        origin.script({ match: {}, action: { type: 'cut', afterBytes } })
        const { head, body } = await rawGet(origin.port, path)
        assert.match(head, /^HTTP\/1.1 200 OK\r\n/)
        assert.match(head, new RegExp(`content-length: ${bytes.length}`))
        assert.deepEqual(body, bytes.subarray(0, afterBytes))
        assert.equal(origin.account().blobBytes, afterBytes)
        await origin.waitForRequest(({ outcome }) => outcome === 'aborted')
      })
    }

    it('is an error to a client', async () => {
      await assert.rejects(getBlob({ type: 'cut', afterBytes: 1000 }))
    })
  })

  describe('corrupt', () => {
    it('changes one byte and nothing else', async () => {
      const { status, body } = await getBlob({ type: 'corrupt', offset: 12_345 })
      const expected = Buffer.from(bytes)
      expected[12_345] = ~expected[12_345]! & 0xff
      assert.equal(status, 200)
      assert.deepEqual(body, expected)
    })

    it('leaves the origin itself as it was', async () => {
      await getBlob({ type: 'corrupt', offset: 0 })
      assert.deepEqual((await get(`${origin.url}${path}`)).body[0], bytes[0]! ^ 0xff)
      assert.deepEqual(image.layers[0]!.bytes[0], bytes[0])
    })
  })

  describe('truncate', () => {
    it('breaks off without an error where the length says more, and closes', async () => {
      origin.script({ match: {}, action: { type: 'truncate', toBytes: 100, contentLength: 'whole' } })
      const { head, body } = await rawGet(origin.port, path)
      assert.match(head, new RegExp(`content-length: ${bytes.length}`))
      assert.deepEqual(body, bytes.subarray(0, 100))
    })

    it('breaks off where a client that would keep the connection finds out', async () => {
      await assert.rejects(getBlob({ type: 'truncate', toBytes: 100, contentLength: 'whole' }))
    })

    it('is a complete reply that is too short', async () => {
      const { status, headers, body } = await getBlob({
        type: 'truncate',
        toBytes: 100,
        contentLength: 'sent',
      })
      assert.deepEqual([status, headers['content-length']], [200, '100'])
      assert.deepEqual(body, bytes.subarray(0, 100))
    })

    it('is chunked and too short', async () => {
      const { headers, body } = await getBlob({ type: 'truncate', toBytes: 100, contentLength: 'none' })
      assert.deepEqual([headers['content-length'], headers['transfer-encoding']], [undefined, 'chunked'])
      assert.deepEqual(body, bytes.subarray(0, 100))
    })
  })

  describe('extend', () => {
    const surplus = Buffer.alloc(10)

    it('sends bytes after the end that the length names', async () => {
      origin.script({ match: {}, action: { type: 'extend', byBytes: 10, contentLength: 'whole' } })
      const { head, body } = await rawGet(origin.port, path)
      assert.match(head, new RegExp(`content-length: ${bytes.length}`))
      assert.deepEqual(body, Buffer.concat([bytes, surplus]))
    })

    for (const contentLength of ['sent', 'none'] as const) {
      it(`is a complete reply that is too long, its length being: ${contentLength}`, async () => {
        const { headers, body } = await getBlob({ type: 'extend', byBytes: 10, contentLength })
        assert.equal(headers['content-length'], contentLength === 'none' ? undefined : String(body.length))
        assert.deepEqual(body, Buffer.concat([bytes, surplus]))
      })
    }
  })

  describe('omitHeaders', () => {
    it('leaves out the headers that it names', async () => {
      const { headers, body } = await getBlob({
        type: 'omitHeaders',
        names: ['docker-content-digest', 'etag'],
      })
      assert.deepEqual([headers['docker-content-digest'], headers.etag], [undefined, undefined])
      assert.equal(headers['content-length'], String(bytes.length))
      assert.deepEqual(body, bytes)
    })

    for (const method of ['GET', 'HEAD'] as const) {
      it(`leaves the client without a length, asked by ${method}`, async () => {
        const action = { type: 'omitHeaders', names: ['content-length'] } as const
        origin.script({ match: {}, action })
        const { status, headers, body } = await get(origin.url + path, { method })
        assert.deepEqual([status, headers['content-length']], [200, undefined])
        assert.deepEqual(body, method === 'HEAD' ? Buffer.alloc(0) : bytes)
      })
    }
  })

  describe('setHeaders', () => {
    it('replaces and adds headers', async () => {
      const digest = `sha256:${'0'.repeat(64)}`
      const { headers, body } = await getBlob({
        type: 'setHeaders',
        headers: { 'content-type': 'text/html', 'docker-content-digest': digest, 'x-extra': '1' },
      })
      assert.deepEqual(
        [headers['content-type'], headers['docker-content-digest'], headers['x-extra']],
        ['text/html', digest, '1'],
      )
      assert.deepEqual(body, bytes)
    })
  })

  describe('ignoreRange', () => {
    it('sends everything to who asked for a part', async () => {
      const { status, headers, body } = await getBlob({ type: 'ignoreRange' }, { range: 'bytes=1000-' })
      assert.deepEqual([status, headers['content-range']], [200, undefined])
      assert.deepEqual(body, bytes)
    })
  })

  describe('gzip', () => {
    it('compresses what nobody wanted compressed', async () => {
      const { headers, body } = await getBlob({ type: 'gzip' }, { 'accept-encoding': 'identity' })
      assert.equal(headers['content-encoding'], 'gzip')
      assert.equal(headers['content-length'], String(body.length))
      assert.deepEqual(gunzipSync(body), bytes)
    })
  })

  describe('redirect', () => {
    it('sends the client where it says', async () => {
      const { status, headers, body } = await getBlob({ type: 'redirect', location: 'http://127.0.0.1:1/x' })
      assert.deepEqual([status, headers.location, body.length], [307, 'http://127.0.0.1:1/x', 0])
    })

    it('uses the status that it is given', async () => {
      assert.equal((await getBlob({ type: 'redirect', location: '/elsewhere', status: 302 })).status, 302)
    })
  })

  describe('match', () => {
    async function isHitBy(match: Parameters<OriginRegistry['script']>[0]['match']): Promise<boolean> {
      using fault = origin.script({ match, action: { type: 'status', status: 500 } })
      await get(origin.url + path)
      return fault.hits === 1
    }

    it('is every request when it says nothing', async () => {
      assert.equal(await isHitBy({}), true)
    })

    it('is a request that is equal in every field', async () => {
      const reference = image.layers[0]!.descriptor.digest
      const match = {
        server: 'registry',
        method: 'GET',
        kind: 'blob',
        repository: REPOSITORY,
        reference,
      } as const
      assert.equal(await isHitBy(match), true)
      assert.equal(await isHitBy({ ...match, method: 'HEAD' }), false)
      assert.equal(await isHitBy({ ...match, kind: 'manifest' }), false)
      assert.equal(await isHitBy({ ...match, server: 'cdn' }), false)
      assert.equal(await isHitBy({ ...match, repository: 'other' }), false)
      assert.equal(await isHitBy({ ...match, reference: 'v1' }), false)
    })
  })

  describe('script', () => {
    it('lets a fault befall so many requests, and counts them', async () => {
      const fault = origin.script({ match: {}, action: { type: 'status', status: 500 }, times: 2 })
      const statuses = []
      for (let n = 0; n < 3; n += 1) statuses.push((await get(origin.url + path)).status)
      assert.deepEqual(statuses, [500, 500, 200])
      assert.equal(fault.hits, 2)
    })

    it('lets the oldest of several faults go first', async () => {
      origin.script({ match: {}, action: { type: 'status', status: 500 }, times: 1 })
      origin.script({ match: {}, action: { type: 'status', status: 429 }, times: 1 })
      const statuses = []
      for (let n = 0; n < 3; n += 1) statuses.push((await get(origin.url + path)).status)
      assert.deepEqual(statuses, [500, 429, 200])
    })

    it('ends a fault that is disposed of, also twice', async () => {
      const fault = origin.script({ match: {}, action: { type: 'status', status: 500 } })
      fault[Symbol.dispose]()
      fault[Symbol.dispose]()
      assert.equal((await get(origin.url + path)).status, 200)
    })

    it('holds back nothing that comes after a release', async () => {
      const fault = origin.script({ match: {}, action: { type: 'hang' } })
      fault.release()
      assert.deepEqual((await get(origin.url + path)).body, bytes)
    })
  })
})
