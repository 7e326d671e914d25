import assert from 'node:assert/strict'
import { UpstreamNotFoundError, UpstreamUnreachableError } from '@layermesh/interface'
import { startOrigin } from '@layermesh/testkit'
import { FAILURES_TO_OPEN, FIRST_OPEN_MS } from '../src/circuit-breaker.ts'
import { MAX_RETRIES } from '../src/next-retry-delay.ts'
import {
  createClient,
  deadUrl,
  drive,
  REF,
  REPOSITORY,
  startFixture,
  TAG,
  type OriginFixture,
} from './support/client-fixture.ts'

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
