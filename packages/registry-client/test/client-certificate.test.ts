import assert from 'node:assert/strict'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { inspect } from 'node:util'
import {
  createTempDir,
  expectNoLeaks,
  selfSigned,
  startOrigin,
  takeResourceSnapshot,
  type OriginOptions,
  type OriginRegistry,
  type ServerIdentity,
  type TempDir,
} from '@layermesh/testkit'
import { CHECK_EVERY_MS } from '../src/watched-file.ts'
import { textOf } from './support/byte-source.ts'
import {
  AS_LOGIN,
  createClient,
  drive,
  type FixtureOptions,
  REF,
  startFixture,
  TAG,
} from './support/client-fixture.ts'
import { startHttpProxy } from './support/http-proxy.ts'

const HOST = '127.0.0.1'
const NAME = 'registry.test'

describe('client certificates', () => {
  let tls: ServerIdentity
  let mine: ServerIdentity
  let theirs: ServerIdentity
  let folder: TempDir
  let certFile: string
  let keyFile: string

  before(async function () {
    const made = [await selfSigned(HOST, NAME), await selfSigned('node'), await selfSigned('other')]
    const [server, client, other] = made
    // There is no openssl to make a certificate with.
    if (server === undefined || client === undefined || other === undefined) return this.skip()
    tls = server
    mine = client
    theirs = other
  })

  beforeEach(async () => {
    folder = await createTempDir()
    certFile = join(folder.path, 'client.crt')
    keyFile = join(folder.path, 'client.key')
    await write(mine)
  })

  afterEach(() => folder[Symbol.asyncDispose]())

  async function write({ cert, key }: ServerIdentity): Promise<void> {
    await writeFile(certFile, cert)
    await writeFile(keyFile, key)
  }

  /** An origin that demands a certificate, and a client that has one. */
  function startMutual({ upstream, ...options }: FixtureOptions = {}) {
    const credentials = { certFile, keyFile, ...upstream?.credentials }
    return startFixture({
      ...{ tls, clientAuthority: mine.cert, ...options },
      upstream: { ca: tls.cert, ...upstream, credentials },
    })
  }

  function startElsewhere(options: OriginOptions = {}): Promise<OriginRegistry> {
    return startOrigin({ tls, clientAuthority: mine.cert, ...options })
  }

  it('are shown for those who may have what they can have, which counts as had with a login', async () => {
    await using fixture = await startMutual()
    const { client, blob, image } = fixture
    const head = await client.headManifest(AS_LOGIN, TAG)
    assert.deepEqual(head, { ...image.manifest.descriptor, access: 'login' })
    const ref = { ...AS_LOGIN, kind: 'blob', digest: blob.descriptor.digest } as const
    const { access, body } = await client.getContent(ref, 0)
    await textOf(body)
    assert.equal(access, 'login')
  })

  it('are not shown for others: ERR_UPSTREAM_DENIED, which is no reason to leave the registry alone', async () => {
    await using fixture = await startMutual()
    const { client, clock, origin } = fixture
    for (let round = 0; round < 10; round += 1) {
      await assert.rejects(client.headManifest(REF, `tag-${round}`), { code: 'ERR_UPSTREAM_DENIED' })
    }
    assert.deepEqual(origin.requests, [])
    assert.ok((await drive(clock, client.headManifest(AS_LOGIN, TAG))) !== undefined)
    await assert.rejects(client.headManifest(REF, TAG), { code: 'ERR_UPSTREAM_DENIED' })
  })

  it('are not needed where the registry demands none, and nobody else has the same connection', async () => {
    await using fixture = await startFixture({
      tls,
      upstream: { ca: tls.cert, credentials: { certFile, keyFile } },
    })
    assert.equal((await fixture.client.headManifest(AS_LOGIN, TAG))?.access, 'login')
    assert.deepEqual(await fixture.client.headManifest(REF, TAG), fixture.image.manifest.descriptor)
  })

  it('are shown to nobody that the registry redirects to', async () => {
    await using elsewhere = await startElsewhere()
    await using fixture = await startMutual()
    const { client, clock, origin, blob } = fixture
    const location = `${elsewhere.url}/storage`
    origin.script({ match: { kind: 'blob' }, action: { type: 'redirect', location } })
    const ref = { ...AS_LOGIN, kind: 'blob', digest: blob.descriptor.digest } as const
    await assert.rejects(drive(clock, client.getContent(ref, 0)), { code: 'ERR_UPSTREAM_UNREACHABLE' })
    assert.ok(origin.requests.length > 0)
    assert.deepEqual(elsewhere.requests, [])
  })

  it('are not shown again to a registry that leads away and back', async () => {
    await using open = await startOrigin({ tls })
    await using fixture = await startMutual()
    const { client, clock, origin, blob } = fixture
    origin.script({ match: { kind: 'blob' }, action: { type: 'redirect', location: `${open.url}/away` } })
    open.script({ match: {}, action: { type: 'redirect', location: `${origin.url}/v2/back` } })
    const ref = { ...AS_LOGIN, kind: 'blob', digest: blob.descriptor.digest } as const
    await assert.rejects(drive(clock, client.getContent(ref, 0)), { code: 'ERR_UPSTREAM_UNREACHABLE' })
    assert.ok(open.requests.length > 0)
    assert.ok(origin.requests.every(({ kind }) => kind === 'blob'))
  })

  it('are shown to no token server elsewhere', async () => {
    await using elsewhere = await startElsewhere({ auth: 'bearer' })
    await using fixture = await startMutual()
    const { client, clock, origin } = fixture
    const headers = { 'www-authenticate': `Bearer realm="${elsewhere.url}/token",service="s"` }
    origin.script({ match: {}, action: { type: 'status', status: 401, headers } })
    await assert.rejects(drive(clock, client.headManifest(AS_LOGIN, TAG)), {
      code: 'ERR_UPSTREAM_UNREACHABLE',
    })
    assert.ok(origin.requests.length > 0)
    assert.deepEqual(elsewhere.requests, [])
  })

  it('are shown to no mirror', async () => {
    await using mirror = await startElsewhere()
    await using fixture = await startMutual({ upstream: { mirrors: [mirror.url] } })
    const { client, clock } = fixture
    assert.ok((await drive(clock, client.headManifest(AS_LOGIN, TAG))) !== undefined)
    assert.deepEqual(mirror.requests, [])
  })

  it('go along with tokens and passwords', async () => {
    const login = { username: 'u', password: 'p' }
    const passwordFile = join(folder.path, 'password')
    await writeFile(passwordFile, login.password)
    const credentials = { certFile, keyFile, username: login.username, passwordFile }
    for (const auth of ['bearer', 'basic'] as const) {
      await using fixture = await startMutual({ auth, login, upstream: { credentials } })
      assert.equal((await fixture.client.headManifest(AS_LOGIN, TAG))?.access, 'login')
    }
  })

  it('get a token that anybody gets from the registry itself', async () => {
    await using fixture = await startMutual({ auth: 'bearer' })
    assert.equal((await fixture.client.headManifest(AS_LOGIN, TAG))?.access, 'login')
  })

  it('go through a tunnel of a proxy', async () => {
    await using proxy = await startHttpProxy()
    await using fixture = await startMutual()
    const upstream = { ca: tls.cert, credentials: { certFile, keyFile }, proxy: proxy.url }
    await using proxied = createClient([`https://${NAME}:${fixture.origin.port}`], { upstream })
    assert.ok((await proxied.client.headManifest(AS_LOGIN, TAG)) !== undefined)
    assert.deepEqual(proxy.asked, [`CONNECT ${NAME}:${fixture.origin.port}`])
  })

  it('are replaced when their files change, and the old connections go', async () => {
    // mocha arms its own timer only once the test has given it a promise.
    await Promise.resolve()
    const before = await takeResourceSnapshot()
    {
      await using fixture = await startMutual({ clientAuthority: mine.cert + theirs.cert })
      const { client, clock } = fixture
      assert.ok((await client.headManifest(AS_LOGIN, TAG)) !== undefined)
      await write(theirs)
      clock.advance(CHECK_EVERY_MS)
      assert.ok((await client.headManifest(AS_LOGIN, TAG)) !== undefined)
    }
    await expectNoLeaks(before)
  })

  it('count from when their files are good', async () => {
    await write(theirs)
    await using fixture = await startMutual()
    const { client, clock, origin } = fixture
    await assert.rejects(drive(clock, client.headManifest(AS_LOGIN, TAG)))
    assert.deepEqual(origin.requests, [])
    await write(mine)
    clock.advance(CHECK_EVERY_MS)
    assert.ok((await drive(clock, client.headManifest(AS_LOGIN, TAG))) !== undefined)
  })

  const faults: readonly [title: string, spoil: () => Promise<void>, message: RegExp][] = [
    ['there is no certificate', () => rm(certFile), /client\.crt: can not be read \(ENOENT\)/],
    ['there is no key', () => rm(keyFile), /client\.key: can not be read \(ENOENT\)/],
    [
      'the key is of another certificate',
      () => writeFile(keyFile, theirs.key),
      /client\.crt, \S+client\.key: can not be used \(ERR_OSSL_X509_KEY_VALUES_MISMATCH\): expected a certificate in PEM and the key that it was made for/,
    ],
    [
      'the certificate is none',
      () => writeFile(certFile, 'none'),
      /can not be used \(ERR_OSSL_PEM_NO_START_LINE\)/,
    ],
  ]
  for (const [title, spoil, message] of faults) {
    it(`are done without while ${title}, and one line says so`, async () => {
      await using fixture = await startMutual()
      const { client, clock, log } = fixture
      await spoil()
      for (let round = 0; round < 2; round += 1) {
        await assert.rejects(client.headManifest(AS_LOGIN, TAG), { code: 'ERR_UPSTREAM_DENIED' })
        clock.advance(CHECK_EVERY_MS)
      }
      assert.deepEqual(log.messages('warn'), ['upstream credentials unusable'])
      assert.match(inspect(log.lines.find(({ level }) => level === 'warn')?.fields), message)
      assert.ok(!inspect(log.lines, { depth: 9 }).includes('PRIVATE KEY'))
      await write(mine)
      clock.advance(CHECK_EVERY_MS)
      assert.ok((await client.headManifest(AS_LOGIN, TAG)) !== undefined)
    })
  }
})
