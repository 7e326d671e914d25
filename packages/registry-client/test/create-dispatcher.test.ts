import assert from 'node:assert/strict'
import { selfSigned, type ServerIdentity } from '@layermesh/testkit'
import type { ResolveHost } from '../src/host-address.ts'
import { createClient, REF, REPOSITORY, startFixture, TAG } from './support/client-fixture.ts'
import { startHttpProxy } from './support/http-proxy.ts'

const NAME = 'registry.test'

/** Every name is this machine. */
const resolveHost: ResolveHost = () => Promise.resolve([{ address: '127.0.0.1', family: 4, isPublic: false }])
/** No name is known. */
const resolveNone: ResolveHost = (name) => Promise.reject(new Error(`${name} was looked up`))

describe('createDispatcher', () => {
  describe('proxies', () => {
    it('are those of the setting, login included, and look names up themselves', async () => {
      await using fixture = await startFixture()
      await using proxy = await startHttpProxy()
      const upstream = { proxy: proxy.url.replace('//', '//user:pw@') }
      const url = `http://${NAME}:${fixture.origin.port}`
      await using proxied = createClient([url], { upstream, deps: { resolveHost: resolveNone } })
      assert.ok((await proxied.client.headManifest(REF, TAG)) !== undefined)
      assert.deepEqual(proxy.asked, [`HEAD ${url}/v2/${REPOSITORY}/manifests/${TAG}`])
      assert.deepEqual(proxy.logins, [`Basic ${btoa('user:pw')}`])
    })

    it('are those of the environment, in lower case first', async () => {
      await using fixture = await startFixture()
      await using proxy = await startHttpProxy()
      const env = { http_proxy: proxy.url, HTTP_PROXY: 'http://127.0.0.1:9' }
      const url = `http://${NAME}:${fixture.origin.port}`
      await using proxied = createClient([url], { deps: { env, resolveHost: resolveNone } })
      assert.ok((await proxied.client.headManifest(REF, TAG)) !== undefined)
      assert.equal(proxy.asked.length, 1)
    })

    for (const [title, host, noProxy] of [
      ['what NO_PROXY names', NAME, NAME],
      ['the domains that NO_PROXY names', NAME, '.test'],
      ['this machine', '127.0.0.1', ''],
    ] as const) {
      it(`leave out ${title}`, async () => {
        await using fixture = await startFixture()
        await using proxy = await startHttpProxy()
        const env = { HTTP_PROXY: proxy.url, NO_PROXY: noProxy }
        const url = `http://${host}:${fixture.origin.port}`
        await using direct = createClient([url], { deps: { env, resolveHost } })
        assert.ok((await direct.client.headManifest(REF, TAG)) !== undefined)
        assert.deepEqual(proxy.asked, [])
      })
    }

    it('are given no address to go to that a public registry must not lead to', async () => {
      await using fixture = await startFixture()
      await using proxy = await startHttpProxy()
      const location = 'http://10.0.0.7/latest/meta-data'
      fixture.origin.script({ match: {}, action: { type: 'redirect', location } })
      const resolveLiteral: ResolveHost = (address) =>
        Promise.resolve([{ address, family: 4, isPublic: false }])
      const url = `http://${NAME}:${fixture.origin.port}`
      const options = { upstream: { proxy: proxy.url }, deps: { resolveHost: resolveLiteral } }
      await using proxied = createClient([url], options)
      await assert.rejects(proxied.client.headManifest(REF, TAG), { code: 'ERR_UPSTREAM_PROTOCOL' })
      assert.equal(proxy.asked.length, 1)
    })
  })

  describe('authorities', () => {
    let tls: ServerIdentity

    before(async function () {
      const identity = await selfSigned(NAME)
      // There is no openssl to make a certificate with.
      if (identity === undefined) this.skip()
      tls = identity
    })

    it('are those of the system, and those that the upstream is given', async () => {
      await using fixture = await startFixture({ tls })
      const url = `https://${NAME}:${fixture.origin.port}`
      await using stranger = createClient([url], { deps: { resolveHost } })
      await assert.rejects(stranger.client.headManifest(REF, TAG), /\(DEPTH_ZERO_SELF_SIGNED_CERT\)$/)
      await using trusting = createClient([url], { upstream: { ca: tls.cert }, deps: { resolveHost } })
      assert.ok((await trusting.client.headManifest(REF, TAG)) !== undefined)
    })

    it('count behind a proxy, too, which only carries', async () => {
      await using fixture = await startFixture({ tls })
      await using proxy = await startHttpProxy()
      const url = `https://${NAME}:${fixture.origin.port}`
      const deps = { resolveHost: resolveNone, env: { HTTPS_PROXY: proxy.url } }
      await using proxied = createClient([url], { upstream: { ca: tls.cert }, deps })
      assert.ok((await proxied.client.headManifest(REF, TAG)) !== undefined)
      assert.deepEqual(proxy.asked, [`CONNECT ${NAME}:${fixture.origin.port}`])
    })

    it('do not make a certificate good for another name', async () => {
      await using fixture = await startFixture({ tls })
      const url = `https://other.test:${fixture.origin.port}`
      await using fooled = createClient([url], { upstream: { ca: tls.cert }, deps: { resolveHost } })
      await assert.rejects(fooled.client.headManifest(REF, TAG), /\(ERR_TLS_CERT_ALTNAME_INVALID\)$/)
    })
  })
})
