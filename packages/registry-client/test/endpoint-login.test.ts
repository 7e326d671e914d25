import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { UpstreamDeniedError } from '@layermesh/interface'
import { createTempDir, startOrigin } from '@layermesh/testkit'
import { CHECK_EVERY_MS } from '../src/watched-file.ts'
import { textOf } from './support/byte-source.ts'
import { AS_LOGIN, REF, startFixture, TAG, type OriginFixture } from './support/client-fixture.ts'

function requestsOf({ origin }: OriginFixture, kind: string) {
  return origin.requests.filter((request) => request.kind === kind)
}

describe('Endpoint', () => {
  describe('with a login', () => {
    const LOGIN = { username: 'alice', password: 'wonder:land', identityToken: 'identity' }
    const PASSWORD = { username: LOGIN.username, password: LOGIN.password }

    it('gets a token by GET with name and password, and sends them nowhere else', async () => {
      await using fixture = await startFixture({
        auth: 'bearer',
        login: LOGIN,
        redirectBlobs: true,
        secret: PASSWORD,
      })
      const { client, origin, blob } = fixture
      await client.headManifest(AS_LOGIN, TAG)
      await textOf(
        (await client.getContent({ ...AS_LOGIN, kind: 'blob', digest: blob.descriptor.digest }, 0)).body,
      )
      assert.deepEqual(
        origin.requests.map(({ server, kind, headers }) => [
          server,
          kind,
          headers.authorization?.split(' ')[0],
        ]),
        [
          ['registry', 'manifest', undefined],
          ['registry', 'token', 'Basic'],
          ['registry', 'manifest', 'Bearer'],
          ['registry', 'redirect', 'Bearer'],
          ['cdn', 'blob', undefined],
        ],
      )
    })

    for (const [title, secret] of [
      ['name and password', PASSWORD],
      ['an identity token', { identityToken: LOGIN.identityToken }],
    ] as const) {
      it(`gets a token by POST with ${title}, and shares the request`, async () => {
        await using fixture = await startFixture({
          auth: 'bearer',
          login: LOGIN,
          tokenMethods: ['POST'],
          secret,
        })
        const heads = Array.from({ length: 20 }, () => fixture.client.headManifest(AS_LOGIN, TAG))
        for (const head of await Promise.all(heads)) assert.ok(head !== undefined)
        assert.equal(requestsOf(fixture, 'token').filter(({ method }) => method === 'POST').length, 1)
      })
    }

    // 405 is what the specification has for it; Google's and others' answer otherwise.
    for (const [status, asks] of [
      [404, ['GET', 'POST']],
      [405, ['GET', 'POST']],
      [501, ['GET', 'POST']],
      [401, ['GET']],
      [403, ['GET']],
    ] as const) {
      it(`asks for a token by ${asks.join(' and ')} when GET is answered with ${status}`, async () => {
        const tokenMethods = ['GET', 'POST'] as const
        await using fixture = await startFixture({
          auth: 'bearer',
          login: LOGIN,
          tokenMethods,
          secret: PASSWORD,
        })
        const { client, origin } = fixture
        origin.script({ match: { kind: 'token', method: 'GET' }, action: { type: 'status', status } })
        const head = client.headManifest(AS_LOGIN, TAG)
        if (asks.length === 1) await assert.rejects(head, { code: 'ERR_UPSTREAM_DENIED' })
        else assert.equal((await head)?.access, 'login')
        assert.deepEqual(
          requestsOf(fixture, 'token').map(({ method }) => method),
          asks,
        )
      })
    }

    it('shows nothing to where a token server redirects to', async () => {
      await using elsewhere = await startOrigin({ auth: 'bearer' })
      await using fixture = await startFixture({ auth: 'bearer', login: LOGIN, secret: PASSWORD })
      const location = `${elsewhere.url}/token?service=layermesh-origin&scope=repository:${REF.repository}:pull`
      fixture.origin.script({ match: { kind: 'token' }, action: { type: 'redirect', location } })
      // The token that it gives is another registry's.
      await assert.rejects(fixture.client.headManifest(AS_LOGIN, TAG), { code: 'ERR_UPSTREAM_DENIED' })
      assert.deepEqual(
        elsewhere.requests.map(({ kind, authorization }) => [kind, authorization]),
        [['token', false]],
      )
    })

    it('does not use a token of a login that has been replaced', async () => {
      await using folder = await createTempDir()
      const passwordFile = join(folder.path, 'password')
      await writeFile(passwordFile, PASSWORD.password)
      const credentials = { username: PASSWORD.username, passwordFile }
      await using fixture = await startFixture({ auth: 'bearer', login: LOGIN, upstream: { credentials } })
      const { client, clock } = fixture
      assert.ok((await client.headManifest(AS_LOGIN, TAG)) !== undefined)
      await writeFile(passwordFile, 'another and wrong')
      clock.advance(CHECK_EVERY_MS)
      await assert.rejects(client.headManifest(AS_LOGIN, TAG), { code: 'ERR_UPSTREAM_DENIED' })
      assert.equal(requestsOf(fixture, 'token').at(-1)?.status, 401)
    })

    it('finds Basic among schemes that it does not know', async () => {
      await using fixture = await startFixture({ secret: PASSWORD })
      const headers = { 'www-authenticate': ['Negotiate', 'Basic realm="r"'] }
      const action = { type: 'status', status: 401, headers } as const
      fixture.origin.script({ match: {}, action, times: 1 })
      assert.equal((await fixture.client.headManifest(AS_LOGIN, TAG))?.access, 'login')
      assert.match(fixture.origin.requests.at(-1)?.headers.authorization ?? '', /^Basic /)
    })

    it('does not follow a redirect with the secret in the body', async () => {
      const secret = { identityToken: LOGIN.identityToken }
      await using fixture = await startFixture({
        auth: 'bearer',
        login: LOGIN,
        tokenMethods: ['POST'],
        secret,
      })
      fixture.origin.script({
        match: { kind: 'token' },
        action: { type: 'redirect', location: '/token?again' },
      })
      await assert.rejects(fixture.client.headManifest(AS_LOGIN, TAG), /was redirected with a secret in it$/)
    })

    it('sends name and password with each request once the registry has wanted them', async () => {
      await using fixture = await startFixture({ auth: 'basic', login: LOGIN, secret: PASSWORD })
      await fixture.client.headManifest(AS_LOGIN, TAG)
      await fixture.client.headManifest(AS_LOGIN, TAG)
      assert.deepEqual(
        fixture.origin.requests.map(({ status }) => status),
        [401, 200, 200],
      )
    })

    it('rejects with ERR_UPSTREAM_DENIED when the login is wrong, and says so once', async () => {
      for (const auth of ['bearer', 'basic'] as const) {
        const secret = { ...PASSWORD, password: 's3cret-and-wrong' }
        await using fixture = await startFixture({ auth, login: LOGIN, secret })
        for (let round = 0; round < 2; round += 1) {
          await assert.rejects(fixture.client.headManifest(AS_LOGIN, TAG), (error) => {
            assert.ok(error instanceof UpstreamDeniedError)
            assert.doesNotMatch(inspect(error, { depth: 9 }), /s3cret/)
            return true
          })
        }
        assert.deepEqual(fixture.log.messages('warn'), ['upstream credentials refused'])
        assert.doesNotMatch(inspect(fixture.log.lines, { depth: 9 }), /s3cret/)
      }
    })

    for (const auth of ['bearer', 'basic'] as const) {
      it(`says that it took a login (${auth}), and uses it for nobody else`, async () => {
        await using fixture = await startFixture({ auth, login: PASSWORD, secret: PASSWORD })
        const { client, blob, origin } = fixture
        const { digest } = blob.descriptor
        await assert.rejects(client.headManifest(REF, TAG), { code: 'ERR_UPSTREAM_DENIED' })
        await assert.rejects(client.getTags(REF, ''), { code: 'ERR_UPSTREAM_DENIED' })
        assert.ok(origin.requests.every(({ authorization }) => !authorization))
        const content = await client.getContent({ ...AS_LOGIN, kind: 'blob', digest }, 0)
        await textOf(content.body)
        const answers = [
          await client.headManifest(AS_LOGIN, TAG),
          await client.getManifest(AS_LOGIN, TAG),
          await client.headBlob(AS_LOGIN, digest),
          content,
        ]
        assert.deepEqual(
          answers.map((answer) => answer?.access),
          Array<string>(4).fill('login'),
        )
        assert.equal((await client.getTags(AS_LOGIN, '')).tags.length, 1)
        // What the login was given is not lent to others.
        await assert.rejects(client.headBlob(REF, digest), { code: 'ERR_UPSTREAM_DENIED' })
      })
    }

    it('asks a public repository without a login', async () => {
      await using fixture = await startFixture({ secret: PASSWORD })
      const descriptor = await fixture.client.headManifest(AS_LOGIN, TAG)
      assert.equal(descriptor?.access, undefined)
      assert.deepEqual(
        fixture.origin.requests.map(({ authorization }) => authorization),
        [false],
      )
    })
  })
})
