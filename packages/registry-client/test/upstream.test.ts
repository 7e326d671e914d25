import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { UpstreamNotFoundError, UpstreamUnreachableError } from '@layermesh/interface'
import { createTempDir, startOrigin } from '@layermesh/testkit'
import { FAILURES_TO_OPEN, FIRST_OPEN_MS } from '../src/circuit-breaker.ts'
import { FIRST_SECOND_CHOICE_MS } from '../src/second-choice.ts'
import { MAX_RETRIES } from '../src/next-retry-delay.ts'
import {
  AS_LOGIN,
  createClient,
  deadUrl,
  drive,
  HOST,
  REF,
  REPOSITORY,
  startFixture,
  TAG,
  type OriginFixture,
} from './support/client-fixture.ts'
import { textOf } from './support/byte-source.ts'

// Driving the clock through the pauses between repetitions mustn't look like silence.
const PATIENT = { init: { bodyStallTimeoutMs: 1e9 } }

const UNAVAILABLE = { type: 'status', status: 503 } as const

/** Calls the upstream until its breaker opens. */
async function openBreaker({ client, clock, origin }: OriginFixture): Promise<void> {
  const fault = origin.script({ match: {}, action: UNAVAILABLE })
  for (let failure = 0; failure < FAILURES_TO_OPEN; failure += 1) {
    await assert.rejects(drive(clock, client.headManifest(REF, TAG), 250), UpstreamUnreachableError)
  }
  fault[Symbol.dispose]()
}

describe('Upstream', () => {
  describe('repetition', () => {
    it('repeats after 5xx', async () => {
      await using fixture = await startFixture(PATIENT)
      const { client, clock, origin } = fixture
      origin.script({ match: {}, action: UNAVAILABLE, times: MAX_RETRIES })
      assert.ok((await drive(clock, client.headManifest(REF, TAG))) !== undefined)
      assert.equal(origin.requests.length, MAX_RETRIES + 1)
    })

    it('repeats after a connection that breaks before the reply', async () => {
      await using fixture = await startFixture(PATIENT)
      const { client, clock, origin, blob } = fixture
      origin.script({ match: {}, action: { type: 'cut' }, times: 1 })
      const { sizeBytes } = await drive(clock, client.headBlob(REF, blob.descriptor.digest))
      assert.equal(sizeBytes, blob.descriptor.sizeBytes)
      assert.equal(origin.requests.length, 2)
    })

    it('gives up when it goes on', async () => {
      await using fixture = await startFixture(PATIENT)
      const { client, clock, origin } = fixture
      origin.script({ match: {}, action: UNAVAILABLE })
      await assert.rejects(drive(clock, client.getManifest(REF, TAG)), UpstreamUnreachableError)
      assert.equal(origin.requests.length, MAX_RETRIES + 1)
    })

    it('does not repeat after a time-out', async () => {
      await using fixture = await startFixture({ init: { headersTimeoutMs: 200 } })
      const { client, origin } = fixture
      origin.script({ match: {}, action: { type: 'hang' } })
      await assert.rejects(client.headManifest(REF, TAG), /got no answer \(UND_ERR_HEADERS_TIMEOUT\)$/)
      assert.equal(origin.requests.length, 1)
    })

    it('does not repeat after 429, and says when to come back', async () => {
      await using fixture = await startFixture()
      const { client, origin } = fixture
      const action = { type: 'status', status: 429, headers: { 'retry-after': '30' } } as const
      origin.script({ match: {}, action })
      await assert.rejects(client.headManifest(REF, TAG), {
        code: 'ERR_UPSTREAM_RATE_LIMITED',
        retryAfterMs: 30_000,
      })
      assert.equal(origin.requests.length, 1)
    })

    it('answers for itself what it said 429 to, until that is over, and asks for others', async () => {
      await using fixture = await startFixture()
      const { client, clock, origin } = fixture
      const action = { type: 'status', status: 429, headers: { 'retry-after': '30' } } as const
      origin.script({ match: {}, action, times: 1 })
      for (const retryAfterMs of [30_000, 20_000, 10_000]) {
        await assert.rejects(client.headManifest(REF, TAG), {
          code: 'ERR_UPSTREAM_RATE_LIMITED',
          retryAfterMs,
        })
        clock.advance(10_000)
      }
      assert.equal(origin.requests.length, 1)
      assert.ok((await client.headManifest(REF, TAG)) !== undefined)
    })

    it('asks with a login while it is left alone without one', async () => {
      await using fixture = await startFixture()
      const { client, origin } = fixture
      const action = { type: 'status', status: 429, headers: { 'retry-after': '30' } } as const
      origin.script({ match: {}, action, times: 1 })
      await assert.rejects(client.headManifest(REF, TAG), { code: 'ERR_UPSTREAM_RATE_LIMITED' })
      assert.ok((await client.headManifest(AS_LOGIN, TAG)) !== undefined)
    })

    it('ends the pause when the signal is aborted', async () => {
      await using fixture = await startFixture(PATIENT)
      const { client, clock, origin } = fixture
      origin.script({ match: {}, action: UNAVAILABLE })
      const controller = new AbortController()
      const head = client.headManifest(REF, TAG, { signal: controller.signal })
      await origin.waitForRequest(({ outcome }) => outcome === 'complete')
      const reason = new Error('gone')
      controller.abort(reason)
      await assert.rejects(head, reason)
      assert.equal(clock.pendingTimers, 0)
    })
  })

  describe('failover', () => {
    it('goes to the next endpoint when one is unreachable', async () => {
      await using fixture = await startFixture()
      await using twoEndpoints = createClient([await deadUrl(), fixture.origin.url])
      assert.ok((await twoEndpoints.client.headManifest(REF, TAG)) !== undefined)
    })

    it('goes to the next endpoint when one sends the wrong bytes', async () => {
      await using wrong = await startFixture()
      await using right = await startFixture()
      wrong.origin.script({ match: { kind: 'manifest' }, action: { type: 'corrupt', offset: 0 } })
      await using twoEndpoints = createClient([wrong.origin.url, right.origin.url])
      const { digest } = await twoEndpoints.client.getManifest(REF, TAG)
      assert.equal(digest, right.image.manifest.descriptor.digest)
    })

    it('asks nobody else when an endpoint says that there is no such thing', async () => {
      await using fixture = await startFixture()
      await using empty = await startOrigin()
      await using twoEndpoints = createClient([empty.url, fixture.origin.url])
      await assert.rejects(twoEndpoints.client.headManifest(REF, TAG), UpstreamNotFoundError)
      assert.deepEqual(fixture.origin.requests, [])
    })

    it('goes to the next endpoint when one says 429, and leaves that alone until its limit is over', async () => {
      await using limited = await startFixture()
      await using fixture = await startFixture()
      const action = { type: 'status', status: 429, headers: { 'retry-after': '30' } } as const
      limited.origin.script({ match: { method: 'GET' }, action, times: 1 })
      await using twoEndpoints = createClient([limited.origin.url, fixture.origin.url])
      const { client, clock } = twoEndpoints
      for (let call = 0; call < 2; call += 1) await client.getManifest(REF, TAG)
      assert.equal(limited.origin.requests.length, 1)
      assert.equal(fixture.origin.requests.length, 2)
      // Docker Hub limits GETs of manifests alone.
      await client.headManifest(REF, TAG)
      assert.equal(limited.origin.requests.length, 2)
      clock.advance(30_000)
      await client.getManifest(REF, TAG)
      assert.equal(limited.origin.requests.length, 3)
    })

    it('rejects with ERR_UPSTREAM_RATE_LIMITED when one is limited and the others are unreachable', async () => {
      await using limited = await startFixture()
      const action = { type: 'status', status: 429, headers: { 'retry-after': '30' } } as const
      limited.origin.script({ match: {}, action })
      await using twoEndpoints = createClient([limited.origin.url, await deadUrl()])
      for (const retryAfterMs of [30_000, 20_000]) {
        const expected = { code: 'ERR_UPSTREAM_RATE_LIMITED', retryAfterMs }
        await assert.rejects(twoEndpoints.client.getManifest(REF, TAG), expected)
        twoEndpoints.clock.advance(10_000)
      }
      assert.equal(limited.origin.requests.length, 1)
    })

    it('goes on with the next endpoint where the body of one broke off, until that is due again', async () => {
      await using broken = await startFixture()
      await using fixture = await startFixture()
      const { digest, sizeBytes } = fixture.blob.descriptor
      const ref = { ...REF, kind: 'blob', digest } as const
      broken.origin.script({ match: { kind: 'blob' }, action: { type: 'cut', afterBytes: 70_000 } })
      await using twoEndpoints = createClient([broken.origin.url, fixture.origin.url])
      const { client, clock } = twoEndpoints
      const drain = async (offset: number) => textOf((await client.getContent(ref, offset)).body)

      await assert.rejects(drain(0), { code: 'ERR_UPSTREAM_TRUNCATED' })
      assert.deepEqual(
        client.status()[0]?.endpoints.map(({ state }) => state),
        ['asked-last', 'answers'],
      )
      await drain(70_000)
      assert.equal(fixture.origin.account().blobBytes, sizeBytes - 70_000)
      assert.equal(broken.origin.requests.length, 1)
      clock.advance(FIRST_SECOND_CHOICE_MS)
      await assert.rejects(drain(0), { code: 'ERR_UPSTREAM_TRUNCATED' })
    })

    it('asks an endpoint whose bodies break off when there is no other', async () => {
      await using fixture = await startFixture()
      const { client, origin, blob } = fixture
      const ref = { ...REF, kind: 'blob', digest: blob.descriptor.digest } as const
      for (let call = 0; call < 2; call += 1) {
        origin.script({ match: { kind: 'blob' }, action: { type: 'cut', afterBytes: 10 }, times: 1 })
        await assert.rejects(textOf((await client.getContent(ref, 0)).body), {
          code: 'ERR_UPSTREAM_TRUNCATED',
        })
      }
      await textOf((await client.getContent(ref, 10)).body)
      assert.equal(client.status()[0]?.endpoints[0]?.state, 'answers')
    })

    it('rejects with ERR_UPSTREAM_UNREACHABLE and all causes when no endpoint is left', async () => {
      await using fixture = createClient([await deadUrl(), await deadUrl()])
      await assert.rejects(fixture.client.headManifest(REF, TAG), (error) => {
        assert.ok(error instanceof UpstreamUnreachableError)
        assert.ok(error.cause instanceof AggregateError)
        assert.equal(error.cause.errors.length, 2)
        return true
      })
    })
  })

  describe('mirrors', () => {
    it('are asked before the endpoints, by the path that they have there, and are told the upstream', async () => {
      await using fixture = await startFixture()
      const { origin, image } = fixture
      const mirrors = [`${origin.url}/hub`]
      origin.add(`hub/${REPOSITORY}`, image, { tag: TAG })
      await using mirrored = createClient([await deadUrl()], { upstream: { mirrors } })
      assert.ok((await mirrored.client.headManifest(REF, TAG)) !== undefined)
      assert.equal(origin.requests[0]?.path, `/v2/hub/${REPOSITORY}/manifests/${TAG}?ns=${HOST}`)
    })

    it('get a token for the repository as it is called there', async () => {
      await using fixture = await startFixture({ auth: 'bearer' })
      const { origin, image } = fixture
      origin.add(`hub/${REPOSITORY}`, image, { tag: TAG })
      await using mirrored = createClient([await deadUrl()], { upstream: { mirrors: [`${origin.url}/hub`] } })
      assert.ok((await mirrored.client.headManifest(REF, TAG)) !== undefined)
    })

    for (const status of [401, 403, 404, 429, 500]) {
      it(`are passed over when they say ${status}`, async () => {
        await using fixture = await startFixture(PATIENT)
        await using mirror = await startOrigin()
        mirror.script({ match: {}, action: { type: 'status', status } })
        const upstream = { mirrors: [mirror.url] }
        await using mirrored = createClient([fixture.origin.url], { upstream, ...PATIENT })
        const { client, clock } = mirrored
        assert.ok((await drive(clock, client.headManifest(REF, TAG))) !== undefined)
        assert.equal(fixture.origin.requests[0]?.query.has('ns'), false)
      })
    }

    it('leave the last word to the registry', async () => {
      await using fixture = await startFixture()
      await using mirror = await startOrigin()
      await using mirrored = createClient([fixture.origin.url], { upstream: { mirrors: [mirror.url] } })
      await assert.rejects(mirrored.client.headManifest(REF, 'missing'), UpstreamNotFoundError)
      assert.equal(fixture.origin.requests.length, 1)
    })

    it("do not get the upstream's login, but their own", async () => {
      await using folder = await createTempDir()
      const mine = { username: 'mine', password: 'm' }
      await using mirror = await startFixture({ auth: 'basic', login: mine })
      await using registry = await startOrigin({
        auth: 'basic',
        login: { username: 'theirs', password: 't' },
      })
      registry.add(REPOSITORY, mirror.image, { tag: TAG })
      const passwordFile = join(folder.path, 'password')
      const dockerConfig = join(folder.path, 'config.json')
      await writeFile(passwordFile, 't')
      await writeFile(dockerConfig, JSON.stringify({ auths: { [mirror.origin.host]: mine } }))
      const credentials = { username: 'theirs', passwordFile, dockerConfig }
      const upstream = { mirrors: [mirror.origin.url], credentials }
      await using mirrored = createClient([registry.url], { upstream })
      await mirrored.client.headManifest(AS_LOGIN, TAG)
      assert.deepEqual(registry.requests, [])
      mirror.origin.remove(REPOSITORY, TAG)
      await mirrored.client.headManifest(AS_LOGIN, TAG)
      const sent = (requests: OriginFixture['origin']['requests']) =>
        new Set(requests.flatMap(({ headers }) => headers.authorization ?? []))
      assert.deepEqual([...sent(mirror.origin.requests)], [`Basic ${btoa('mine:m')}`])
      assert.deepEqual([...sent(registry.requests)], [`Basic ${btoa('theirs:t')}`])
    })
  })

  describe('quota', () => {
    const HEADERS = { 'ratelimit-limit': '100;w=21600', 'ratelimit-remaining': '20;w=21600' }

    it('is what the registry said last, in the status and as metrics', async () => {
      await using fixture = await startFixture()
      const { client, metrics, origin } = fixture
      assert.match(await metrics.text(), /^layermesh_upstream_pulls_remaining{upstream="reg.example"} nan$/im)
      origin.script({ match: {}, action: { type: 'setHeaders', headers: HEADERS }, times: 1 })
      await client.headManifest(REF, TAG)
      await client.headManifest(REF, TAG)
      const [status] = client.status()
      const { limit, remaining, windowSeconds } = status!.endpoints[0]!.quota!
      assert.deepEqual([status?.host, limit, remaining, windowSeconds], [HOST, 100, 20, 21_600])
      const text = await metrics.text()
      assert.match(text, /^layermesh_upstream_pulls_limit{upstream="reg.example"} 100$/m)
      assert.match(text, /^layermesh_upstream_pulls_remaining{upstream="reg.example"} 20$/m)
    })

    it('is also read from a 429', async () => {
      await using fixture = await startFixture()
      const headers = { ...HEADERS, 'ratelimit-remaining': '0;w=21600' }
      fixture.origin.script({ match: {}, action: { type: 'status', status: 429, headers } })
      await assert.rejects(fixture.client.headManifest(REF, TAG), { code: 'ERR_UPSTREAM_RATE_LIMITED' })
      assert.equal(fixture.client.status()[0]?.endpoints[0]?.quota?.remaining, 0)
    })
  })

  describe('circuit breaker', () => {
    it('asks a dead endpoint nothing for a while', async () => {
      await using fixture = await startFixture(PATIENT)
      const { client, origin } = fixture
      await openBreaker(fixture)
      const seen = origin.requests.length
      await assert.rejects(client.headManifest(REF, TAG), /left alone after repeated failures$/)
      assert.equal(origin.requests.length, seen)
    })

    it('lets one request try when the time is over, and all when that succeeds', async () => {
      await using fixture = await startFixture(PATIENT)
      const { client, clock, origin } = fixture
      await openBreaker(fixture)
      clock.advance(FIRST_OPEN_MS)
      const hang = origin.script({ match: {}, action: { type: 'hang' }, times: 1 })
      const seen = origin.requests.length
      const trial = client.headManifest(REF, TAG)
      await origin.waitForRequest((request) => origin.requests.indexOf(request) === seen)
      await assert.rejects(client.headManifest(REF, TAG), UpstreamUnreachableError)
      assert.equal(origin.requests.length, seen + 1)

      hang.release()
      assert.ok((await trial) !== undefined)
      assert.ok((await client.headManifest(REF, TAG)) !== undefined)
    })

    it('goes on with the next endpoint at once while the first is left alone', async () => {
      await using fixture = await startFixture()
      const dead = await deadUrl()
      await using twoEndpoints = createClient([dead, fixture.origin.url])
      for (let call = 0; call < FAILURES_TO_OPEN; call += 1) await twoEndpoints.client.headManifest(REF, TAG)
      await using revived = await startOrigin({ port: Number(new URL(dead).port) })
      await twoEndpoints.client.headManifest(REF, TAG)
      assert.deepEqual(revived.requests, [])

      revived.add(REPOSITORY, fixture.image, { tag: TAG })
      twoEndpoints.clock.advance(FIRST_OPEN_MS)
      await twoEndpoints.client.headManifest(REF, TAG)
      assert.equal(revived.requests.length, 1)
    })

    it('is not opened by callers that give up', async () => {
      await using fixture = await startFixture()
      const { client, origin } = fixture
      const hang = origin.script({ match: {}, action: { type: 'hang' } })
      for (let call = 1; call <= FAILURES_TO_OPEN; call += 1) {
        const controller = new AbortController()
        const head = client.headManifest(REF, TAG, { signal: controller.signal })
        await origin.waitForRequest((request) => origin.requests.indexOf(request) === call - 1)
        controller.abort(new Error('gone'))
        await assert.rejects(head, /^Error: gone$/)
      }
      hang[Symbol.dispose]()
      assert.ok((await client.headManifest(REF, TAG)) !== undefined)
    })

    it('is not opened by answers that nobody likes', async () => {
      await using fixture = await startFixture()
      for (let call = 0; call <= FAILURES_TO_OPEN; call += 1) {
        await assert.rejects(fixture.client.headManifest(REF, 'missing'), UpstreamNotFoundError)
      }
    })
  })
})
