import assert from 'node:assert/strict'
import { type ErrorCode, UpstreamStalledError, UpstreamUnreachableError } from '@layermesh/interface'
import { DENIED_MS } from '../src/refusal-memory.ts'
import { drive, REF, startFixture, TAG, type OriginFixture } from './support/client-fixture.ts'

const LIFETIME_SECONDS = 300

function startAuthenticated(): Promise<OriginFixture> {
  return startFixture({ auth: 'bearer', tokenLifetimeSeconds: LIFETIME_SECONDS })
}

function requestsOf({ origin }: OriginFixture, kind: string) {
  return origin.requests.filter((request) => request.kind === kind)
}

/** A 401 that asks for a token of the origin, whatever the request brought. */
function challengeOf({ origin }: OriginFixture) {
  const header = `Bearer realm="${origin.url}/token",service="layermesh-origin"`
  return { type: 'status', status: 401, headers: { 'www-authenticate': header } } as const
}

describe('Endpoint', () => {
  it('gets a token when the registry asks for one, and uses it again', async () => {
    await using fixture = await startAuthenticated()
    await fixture.client.getManifest(REF, TAG)
    await fixture.client.headManifest(REF, TAG)
    assert.deepEqual(
      fixture.origin.requests.map(({ kind, status, authorization }) => [kind, status, authorization]),
      [
        ['manifest', 401, false],
        ['token', 200, false],
        ['manifest', 200, true],
        ['manifest', 200, true],
      ],
    )
    const { query } = requestsOf(fixture, 'token')[0]!
    assert.deepEqual(
      [...query],
      [
        ['service', 'layermesh-origin'],
        ['scope', `repository:${REF.repository}:pull`],
      ],
    )
  })

  it('asks for one token for 20 requests at the same time', async () => {
    await using fixture = await startAuthenticated()
    const heads = Array.from({ length: 20 }, () => fixture.client.headManifest(REF, TAG))
    for (const head of await Promise.all(heads)) assert.ok(head !== undefined)
    assert.equal(requestsOf(fixture, 'token').length, 1)
  })

  it('asks for a token for each repository', async () => {
    await using fixture = await startAuthenticated()
    const other = { ...REF, repository: 'library/other' }
    fixture.origin.add(other.repository, fixture.image, { tag: TAG })
    await fixture.client.headManifest(REF, TAG)
    await fixture.client.headManifest(other, TAG)
    assert.equal(requestsOf(fixture, 'token').length, 2)
  })

  it('renews a token a little before it expires', async () => {
    await using fixture = await startAuthenticated()
    const { client, clock } = fixture
    await client.headManifest(REF, TAG)
    clock.advance(LIFETIME_SECONDS * 900 - 1)
    await client.headManifest(REF, TAG)
    assert.equal(requestsOf(fixture, 'token').length, 1)
    clock.advance(1)
    await client.headManifest(REF, TAG)
    assert.equal(requestsOf(fixture, 'token').length, 2)
  })

  it('replaces a known token that is refused, without showing it again', async () => {
    await using fixture = await startAuthenticated()
    const { client, origin } = fixture
    await client.headManifest(REF, TAG)
    origin.script({ match: { kind: 'manifest' }, action: challengeOf(fixture), times: 1 })
    const seen = origin.requests.length
    assert.ok((await client.headManifest(REF, TAG)) !== undefined)
    assert.deepEqual(
      origin.requests.slice(seen).map(({ kind, status, authorization }) => [kind, status, authorization]),
      [
        ['manifest', 401, true],
        ['manifest', 401, false],
        ['token', 200, false],
        ['manifest', 200, true],
      ],
    )
  })

  it('rejects with ERR_UPSTREAM_DENIED when a fresh token is refused, and forgets the token', async () => {
    await using fixture = await startAuthenticated()
    const { client, clock, origin } = fixture
    origin.script({ match: { kind: 'manifest' }, action: challengeOf(fixture) })
    for (const round of [1, 2]) {
      await assert.rejects(client.headManifest(REF, TAG), { code: 'ERR_UPSTREAM_DENIED' })
      assert.equal(requestsOf(fixture, 'manifest').length, 2 * round)
      assert.equal(requestsOf(fixture, 'token').length, round)
      clock.advance(DENIED_MS)
    }
  })

  it('rejects with ERR_UPSTREAM_DENIED, without asking for a token, when no Bearer challenge is offered', async () => {
    await using fixture = await startFixture()
    for (const headers of [{}, { 'www-authenticate': 'Basic realm="r"' }]) {
      fixture.origin.script({
        match: { kind: 'manifest' },
        action: { type: 'status', status: 401, headers },
        times: 1,
      })
      await assert.rejects(fixture.client.headManifest(REF, TAG), { code: 'ERR_UPSTREAM_DENIED' })
      fixture.clock.advance(DENIED_MS)
    }
    assert.deepEqual(requestsOf(fixture, 'token'), [])
    assert.equal(fixture.origin.requests.length, 2)
  })

  const answers: readonly [title: string, status: number, body: string, code: ErrorCode][] = [
    ['says 403', 403, '', 'ERR_UPSTREAM_DENIED'],
    ['says 404', 404, '', 'ERR_UPSTREAM_PROTOCOL'],
    ['says 429', 429, '', 'ERR_UPSTREAM_RATE_LIMITED'],
    ['says 503', 503, '', 'ERR_UPSTREAM_UNREACHABLE'],
    ['sends no token', 200, '{}', 'ERR_UPSTREAM_PROTOCOL'],
    ['sends too much', 200, `{"token":"${'x'.repeat(1024 * 1024)}"}`, 'ERR_UPSTREAM_PROTOCOL'],
  ]
  for (const [title, status, body, code] of answers) {
    it(`rejects with ${code} when the token server ${title}`, async () => {
      await using fixture = await startFixture({ auth: 'bearer', init: { bodyStallTimeoutMs: 1e9 } })
      const { client, clock, origin } = fixture
      origin.script({ match: { kind: 'token' }, action: { type: 'status', status, body } })
      await assert.rejects(drive(clock, client.headManifest(REF, TAG)), { code })
    })
  }

  it('rejects with ERR_UPSTREAM_UNREACHABLE when the token server stops in the middle', async () => {
    await using fixture = await startAuthenticated()
    const { client, clock, origin } = fixture
    origin.script({ match: { kind: 'token' }, action: { type: 'stall', afterBytes: 5 } })
    const head = client.headManifest(REF, TAG)
    await origin.waitForRequest(({ kind, bytesSent }) => kind === 'token' && bytesSent === 5)
    await assert.rejects(
      drive(clock, head),
      (error) => error instanceof UpstreamUnreachableError && error.cause instanceof UpstreamStalledError,
    )
  })

  it('lets others have the token when the caller that asked first goes away', async () => {
    await using fixture = await startAuthenticated()
    const { client, origin } = fixture
    using hang = origin.script({ match: { kind: 'token' }, action: { type: 'hang' } })
    const controller = new AbortController()
    const first = client.headManifest(REF, TAG, { signal: controller.signal })
    await origin.waitForRequest(({ kind }) => kind === 'token')
    const second = client.headManifest(REF, TAG)
    await origin.waitForRequest(
      (request) => requestsOf(fixture, 'manifest').indexOf(request) === 1 && request.outcome !== 'open',
    )
    const reason = new Error('gone')
    controller.abort(reason)
    await assert.rejects(first, reason)
    hang.release()
    assert.ok((await second) !== undefined)
    assert.equal(requestsOf(fixture, 'token').length, 1)
  })

  describe('challenges in the wild', () => {
    const realmOf = ({ origin }: OriginFixture) => `${origin.url}/token`
    const challenges: readonly [title: string, lines: (realm: string) => string | readonly string[]][] = [
      ['without quotes', (realm) => `bearer realm=${realm}, service=layermesh-origin`],
      ['without a scope', (realm) => `Bearer realm="${realm}",service="layermesh-origin"`],
      ['with an empty scope', (realm) => `Bearer realm="${realm}",service="layermesh-origin",scope=""`],
      [
        'with escapes',
        (realm) => `Bearer realm="${realm.replaceAll('/', String.raw`\/`)}",service="layermesh\\-origin"`,
      ],
      [
        'among others in one line',
        (realm) => `Negotiate, Basic realm="x", Bearer realm="${realm}",service="layermesh-origin"`,
      ],
      [
        'among others in several lines',
        (realm) => ['Negotiate', 'Basic realm="x"', `Bearer realm="${realm}",service="layermesh-origin"`],
      ],
      [
        'with a service in the query of the realm',
        (realm) => `Bearer realm="${realm}?service=layermesh-origin"`,
      ],
      ['with a relative realm', () => 'Bearer realm="/token",service="layermesh-origin"'],
    ]
    for (const [title, lines] of challenges) {
      it(`are met ${title}`, async () => {
        await using fixture = await startAuthenticated()
        const headers = { 'www-authenticate': lines(realmOf(fixture)) }
        fixture.origin.script({
          match: { kind: 'manifest' },
          action: { type: 'status', status: 401, headers },
          times: 1,
        })
        assert.ok((await fixture.client.headManifest(REF, TAG)) !== undefined)
      })
    }

    it('are met once more when the registry misses another scope', async () => {
      await using fixture = await startAuthenticated()
      const { client, origin } = fixture
      const first = {
        'www-authenticate': `Bearer realm="${realmOf(fixture)}",service="layermesh-origin",scope="repository:user/image:pull"`,
      }
      origin.script({
        match: { kind: 'manifest' },
        action: { type: 'status', status: 401, headers: first },
        times: 1,
      })
      assert.ok((await client.headManifest(REF, TAG)) !== undefined)
      const scopes = requestsOf(fixture, 'token').map(({ query }) => query.get('scope'))
      assert.deepEqual(scopes, ['repository:user/image:pull', `repository:${REF.repository}:pull`])
    })

    it('are not met for ever when the registry misses one scope after the other', async () => {
      await using fixture = await startAuthenticated()
      const { client, origin } = fixture
      for (const scope of ['a', 'b', 'c', 'd']) {
        const header = `Bearer realm="${realmOf(fixture)}",service="layermesh-origin",scope="repository:${scope}:pull",error="insufficient_scope"`
        const action = { type: 'status', status: 401, headers: { 'www-authenticate': header } } as const
        origin.script({ match: { kind: 'manifest' }, action, times: 1 })
      }
      await assert.rejects(client.headManifest(REF, TAG), { code: 'ERR_UPSTREAM_DENIED' })
      const scopes = requestsOf(fixture, 'token').map(({ query }) => query.get('scope'))
      assert.deepEqual(scopes, ['repository:a:pull', 'repository:b:pull'])
      assert.equal(requestsOf(fixture, 'manifest').length, 3)
    })
  })
})
