import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  UpstreamDeniedError,
  UpstreamNotFoundError,
  UpstreamRateLimitedError,
  UpstreamUnreachableError,
} from '@layermesh/interface'
import {
  createTempDir,
  ManualClock,
  type OriginRegistry,
  startOrigin,
  type TempDir,
} from '@layermesh/testkit'
import { DENIED_MS, MANIFEST_MISSING_MS } from '../src/refusal-memory.ts'
import {
  AS_LOGIN,
  type ClientFixture,
  createClient,
  drive,
  HOST,
  REF,
  REPOSITORY,
  TAG,
} from './support/client-fixture.ts'
import { MemoryAnswerStore } from './support/memory-answer-store.ts'

const PATIENCE_MS = 60_000

describe('a client after a restart', () => {
  let store: MemoryAnswerStore
  let clock: ManualClock
  let origin: OriginRegistry
  let temp: TempDir
  let client: ClientFixture['client']
  const dockerConfig = () => join(temp.path, 'config.json')
  const asked = () => origin.requests.filter(({ kind }) => kind === 'manifest').length

  beforeEach(async () => {
    store = new MemoryAnswerStore()
    clock = new ManualClock()
    temp = await createTempDir()
  })
  afterEach(async () => {
    await client.close()
    await origin.close()
    await temp[Symbol.asyncDispose]()
  })

  /** Starts a client that knows what the one before it has left; its monotonic clock begins anew. */
  async function start(endpoints = [origin.url]): Promise<void> {
    clock = new ManualClock(clock.now())
    const options = {
      deps: { answers: store },
      init: { earlierAnswers: await store.list() },
      upstream: { credentials: { dockerConfig: dockerConfig() } },
    }
    client = createClient(endpoints, options, clock).client
  }
  async function restart(endpoints?: string[]): Promise<void> {
    await client.close()
    await start(endpoints)
  }
  const writeLogin = (password: string) =>
    writeFile(dockerConfig(), JSON.stringify({ auths: { [HOST]: { username: 'me', password } } }))

  describe('whose upstream asks without a login', () => {
    beforeEach(async () => {
      await writeLogin('right')
      origin = await startOrigin()
      await start()
    })

    it('does not ask for what is missing before the time is over', async () => {
      await assert.rejects(client.headManifest(REF, TAG), UpstreamNotFoundError)
      clock.advance(MANIFEST_MISSING_MS - 1)
      await restart()
      await assert.rejects(client.getManifest(REF, TAG), {
        code: 'ERR_UPSTREAM_NOT_FOUND',
        message: `${HOST}: manifest ${TAG} of ${REPOSITORY} was missing a moment ago`,
      })
      await assert.rejects(client.headManifest(REF, 'other'), UpstreamNotFoundError)
      assert.equal(asked(), 2)
      clock.advance(1)
      await assert.rejects(client.headManifest(REF, TAG), UpstreamNotFoundError)
      assert.equal(asked(), 3)
    })

    it('does not ask for what is denied before the time is over', async () => {
      origin.script({ match: {}, action: { type: 'status', status: 403 } })
      await assert.rejects(client.headManifest(REF, TAG), UpstreamDeniedError)
      await restart()
      clock.advance(DENIED_MS - 1)
      await assert.rejects(client.headManifest(REF, TAG), UpstreamDeniedError)
      assert.equal(asked(), 1)
      clock.advance(1)
      await assert.rejects(client.headManifest(REF, TAG), UpstreamDeniedError)
      assert.equal(asked(), 2)
    })

    it('leaves an endpoint alone that has said 429, any number of restarts later, and no other', async () => {
      await using second = await startOrigin()
      const headers = { 'retry-after': String(PATIENCE_MS / 1000) }
      origin.script({ match: {}, action: { type: 'status', status: 429, headers } })
      await assert.rejects(client.headManifest(REF, TAG), UpstreamRateLimitedError)
      for (let turn = 1; turn < 4; turn += 1) {
        clock.advance(10_000)
        await restart()
        await assert.rejects(client.headManifest(REF, TAG), {
          code: 'ERR_UPSTREAM_RATE_LIMITED',
          retryAfterMs: PATIENCE_MS - turn * 10_000,
        })
      }
      assert.equal(asked(), 1)
      await restart([origin.url, second.url])
      await assert.rejects(client.headManifest(REF, TAG), UpstreamNotFoundError)
      assert.equal(asked(), 1)
      assert.equal(second.requests.length, 1)
      await restart()
      clock.advance(PATIENCE_MS - 30_000)
      await assert.rejects(client.headManifest(REF, 'other'), UpstreamRateLimitedError)
      assert.equal(asked(), 2)
    })

    it('has nothing kept of a failure that may pass by itself', async () => {
      origin.script({ match: {}, action: { type: 'status', status: 503 } })
      await assert.rejects(drive(clock, client.headManifest(REF, TAG)), UpstreamUnreachableError)
      await client.close()
      assert.deepEqual(store.answers, [])
    })

    it('takes no harm from answers that make no sense to it', async () => {
      const holding = { saidAtMs: clock.now(), endsAtMs: clock.now() + 1000 }
      for (const subject of ['{', '[]', '[1,2,3]', '["manifest"]', origin.url]) {
        for (const answer of ['missing', 'rate-limited'] as const)
          await store.put({ upstream: HOST, subject, answer, ...holding })
      }
      await restart()
      await assert.rejects(client.headManifest(REF, TAG), UpstreamNotFoundError)
      assert.equal(asked(), 1)
    })
  })

  describe('whose upstream wants a login', () => {
    beforeEach(async () => {
      await writeLogin('not the right one')
      origin = await startOrigin({ auth: 'basic', login: { username: 'me', password: 'right' } })
      await start()
      await assert.rejects(client.headManifest(AS_LOGIN, TAG), UpstreamDeniedError)
    })

    it('does not ask again for what was denied to the same login', async () => {
      const before = asked()
      for (let turn = 0; turn < 2; turn += 1) {
        await restart()
        await assert.rejects(client.headManifest(AS_LOGIN, TAG), UpstreamDeniedError)
        await assert.rejects(client.getManifest(AS_LOGIN, TAG), UpstreamDeniedError)
      }
      assert.equal(asked(), before)
      clock.advance(DENIED_MS)
      await assert.rejects(client.headManifest(AS_LOGIN, TAG), UpstreamDeniedError)
      assert.ok(asked() > before)
    })

    it('asks at once with another login, and without one', async () => {
      await writeLogin('right')
      await restart()
      await assert.rejects(client.headManifest(AS_LOGIN, TAG), UpstreamNotFoundError)
      const before = asked()
      await assert.rejects(client.headManifest(REF, TAG), UpstreamDeniedError)
      assert.equal(asked(), before + 1)
    })

    it('leaves nothing of the login behind', async () => {
      await client.close()
      const kept = JSON.stringify(store.answers)
      assert.match(kept, /"denied"/)
      for (const secret of ['not the right one', Buffer.from('me:not the right one').toString('base64')])
        assert.ok(!kept.includes(secret))
    })
  })
})
