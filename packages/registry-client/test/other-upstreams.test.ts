import assert from 'node:assert/strict'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { selfSigned, type ServerIdentity } from '@layermesh/testkit'
import type { ResolveHost } from '../src/host-address.ts'
import { MAX_OTHER_UPSTREAMS } from '../src/other-upstreams.ts'
import {
  createClient,
  HOST,
  REPOSITORY,
  startFixture,
  TAG,
  type OriginFixture,
} from './support/client-fixture.ts'
import { startHttpProxy, type HttpProxy } from './support/http-proxy.ts'

const OTHER = 'registry.example'
const REF = { upstream: OTHER, repository: REPOSITORY }
const init = { allowOthers: true }

describe('other upstreams', () => {
  const authorities = getCACertificates('default')
  let tls: ServerIdentity

  before(async function () {
    const identity = await selfSigned(OTHER)
    // There is no openssl to make a certificate with.
    if (identity === undefined) this.skip()
    tls = identity
    setDefaultCACertificates([...authorities, tls.cert])
  })

  after(() => setDefaultCACertificates(authorities))

  it('are none unless they are allowed', async () => {
    await using fixture = createClient(['https://127.0.0.1:1'])
    await assert.rejects(fixture.client.headManifest(REF, TAG), { code: 'ERR_UPSTREAM_UNKNOWN' })
  })

  for (const upstream of [
    'localhost',
    '127.0.0.1',
    '8.8.8.8',
    '[::1]',
    'registry',
    'registry.example:8443',
    'REGISTRY.example',
  ]) {
    it(`are never asked by the name ${upstream}`, async () => {
      const resolveHost: ResolveHost = () => Promise.reject(new Error('looked up'))
      await using fixture = createClient(['https://127.0.0.1:1'], { init, deps: { resolveHost } })
      await assert.rejects(fixture.client.headManifest({ ...REF, upstream }, TAG), {
        code: 'ERR_UPSTREAM_UNKNOWN',
      })
    })
  }

  it('are not asked when their name leads to a private address', async () => {
    const asked: string[] = []
    const resolveHost: ResolveHost = (name) => {
      asked.push(name)
      return Promise.resolve([{ address: '169.254.169.254', family: 4, isPublic: false }])
    }
    await using fixture = createClient(['https://127.0.0.1:1'], { init, deps: { resolveHost } })
    await assert.rejects(fixture.client.getManifest(REF, TAG), { code: 'ERR_UPSTREAM_PROTOCOL' })
    assert.deepEqual(new Set(asked), new Set([OTHER]))
  })

  it('are remembered up to a limit', async () => {
    const resolveHost: ResolveHost = () => Promise.reject(new Error('nobody'))
    await using fixture = createClient(['https://127.0.0.1:1'], { init, deps: { resolveHost } })
    const given = AbortSignal.abort(new Error('not now'))
    for (let index = 0; index <= MAX_OTHER_UPSTREAMS; index += 1) {
      const upstream = `r${index}.example`
      await assert.rejects(fixture.client.headManifest({ ...REF, upstream }, TAG, { signal: given }))
    }
    const hosts = fixture.client.status().map(({ host }) => host)
    assert.equal(hosts.length, 1 + MAX_OTHER_UPSTREAMS)
    assert.equal(hosts[0], HOST)
    assert.ok(!hosts.includes('r0.example') && hosts.includes('r1.example'))
  })

  describe('behind a proxy, which stands for the Internet', () => {
    let fixture: OriginFixture
    let proxy: HttpProxy

    beforeEach(async () => {
      fixture = await startFixture({ tls })
      proxy = await startHttpProxy({ tunnelPort: fixture.origin.port })
    })

    afterEach(async () => {
      await proxy[Symbol.asyncDispose]()
      await fixture[Symbol.asyncDispose]()
    })

    function otherClient() {
      const resolveHost: ResolveHost = (address) => Promise.resolve([{ address, family: 4, isPublic: false }])
      const deps = { env: { HTTPS_PROXY: proxy.url, HTTP_PROXY: proxy.url }, resolveHost }
      return createClient(['https://127.0.0.1:1'], { init, deps })
    }

    it('are asked by https on port 443', async () => {
      await using other = otherClient()
      assert.deepEqual(await other.client.headManifest(REF, TAG), fixture.image.manifest.descriptor)
      assert.deepEqual((await other.client.getTags(REF, '')).tags, [TAG])
      assert.deepEqual(new Set(proxy.asked), new Set([`CONNECT ${OTHER}:443`]))
    })

    for (const location of [
      'http://registry.example/x',
      'https://registry.example:8443/x',
      'https://10.0.0.7/latest/meta-data',
      'https://[::1]/x',
    ]) {
      it(`are not followed to ${location}`, async () => {
        fixture.origin.script({ match: {}, action: { type: 'redirect', location } })
        await using other = otherClient()
        await assert.rejects(other.client.getManifest(REF, TAG), { code: 'ERR_UPSTREAM_PROTOCOL' })
        assert.deepEqual(new Set(proxy.asked), new Set([`CONNECT ${OTHER}:443`]))
      })
    }

    it('do not have tokens asked for elsewhere than on the Internet', async () => {
      fixture.origin.script({
        match: {},
        action: {
          type: 'status',
          status: 401,
          headers: { 'www-authenticate': 'Bearer realm="https://10.0.0.7:80/"' },
        },
      })
      await using other = otherClient()
      await assert.rejects(other.client.getManifest(REF, TAG), { code: 'ERR_UPSTREAM_PROTOCOL' })
      assert.deepEqual(new Set(proxy.asked), new Set([`CONNECT ${OTHER}:443`]))
    })
  })
})
