import assert from 'node:assert/strict'
import {
  buildImage,
  expectNoLeaks,
  ManualClock,
  selfSigned,
  startOrigin,
  takeResourceSnapshot,
  type BuiltImage,
  type OriginOptions,
  type ResourceSnapshot,
} from '@layermesh/testkit'
import { Agent, request } from 'undici'
import { get } from './support/get.ts'

const REPOSITORY = 'library/app'

describe('bearer authentication', () => {
  let open: ResourceSnapshot
  let image: BuiltImage

  before(async () => {
    image = await buildImage({ seed: 1, layerBytes: [1000] })
  })

  beforeEach(async () => {
    open = await takeResourceSnapshot()
  })

  afterEach(async () => {
    await expectNoLeaks(open)
  })

  async function serve(options: OriginOptions = {}) {
    const origin = await startOrigin({ auth: 'bearer', ...options })
    origin.add(REPOSITORY, image)
    const blobUrl = `${origin.url}/v2/${REPOSITORY}/blobs/${image.layers[0]!.descriptor.digest}`
    return { origin, blobUrl, [Symbol.asyncDispose]: () => origin.close() }
  }

  it('sends a client without a token to where it gets one', async () => {
    await using served = await serve()
    const { host } = served.origin
    const refused = await get(served.blobUrl)
    assert.equal(refused.status, 401)
    assert.match(refused.body.toString(), /"UNAUTHORIZED"/)
    assert.equal(
      refused.headers['www-authenticate'],
      `Bearer realm="http://${host}/token",service="layermesh-origin",scope="repository:${REPOSITORY}:pull"`,
    )
    const ping = await get(`${served.origin.url}/v2/`)
    assert.equal(
      ping.headers['www-authenticate'],
      `Bearer realm="http://${host}/token",service="layermesh-origin"`,
    )
  })

  it('names its token server by https when it speaks TLS itself', async function () {
    const tls = await selfSigned('origin.test')
    // There is no openssl to make a certificate with.
    if (tls === undefined) return this.skip()
    await using served = await serve({ tls })
    const dispatcher = new Agent({ connect: { ca: tls.cert, servername: 'origin.test' } })
    const { headers, body } = await request(`${served.origin.url}/v2/`, { dispatcher })
    await body.dump()
    await dispatcher.destroy()
    assert.match(
      String(headers['www-authenticate']),
      new RegExp(`^Bearer realm="${served.origin.url}/token"`),
    )
  })

  async function tokenFor(url: string, scope: string): Promise<string> {
    const { body } = await get(
      `${url}/token?${String(new URLSearchParams({ service: 'layermesh-origin', scope }))}`,
    )
    return (JSON.parse(body.toString()) as { token: string }).token
  }

  it('serves a client whose token is for the repository', async () => {
    await using served = await serve()
    const token = await tokenFor(served.origin.url, `repository:${REPOSITORY}:pull`)
    const headers = { authorization: `Bearer ${token}` }
    assert.deepEqual((await get(served.blobUrl, { headers })).body, Buffer.from(image.layers[0]!.bytes))
    assert.equal((await get(`${served.origin.url}/v2/`, { headers })).status, 200)
  })

  it('grants several repositories at once', async () => {
    await using served = await serve()
    const token = await tokenFor(served.origin.url, `repository:a:pull repository:${REPOSITORY}:pull,push`)
    const headers = { authorization: `Bearer ${token}` }
    assert.equal((await get(served.blobUrl, { headers })).status, 200)
  })

  it('says how long a token is valid and refuses it afterwards', async () => {
    const clock = new ManualClock()
    await using served = await serve({ tokenLifetimeSeconds: 60, clock })
    const query = new URLSearchParams({
      service: 'layermesh-origin',
      scope: `repository:${REPOSITORY}:pull`,
    })
    const issued = await get(`${served.origin.url}/token?${String(query)}`)
    const token = JSON.parse(issued.body.toString()) as Record<string, unknown>
    assert.equal(token['expires_in'], 60)
    assert.equal(token['issued_at'], new Date(clock.now()).toISOString())
    assert.equal(token['access_token'], token['token'])
    const headers = { authorization: `Bearer ${String(token['token'])}` }
    clock.advance(59_999)
    assert.equal((await get(served.blobUrl, { headers })).status, 200)
    clock.advance(1)
    const expired = await get(served.blobUrl, { headers })
    assert.equal(expired.status, 401)
    assert.match(String(expired.headers['www-authenticate']), /error="invalid_token"/)
  })

  for (const scope of ['repository:other:pull', `repository:${REPOSITORY}:push`, '']) {
    it(`refuses a token for something else: "${scope}"`, async () => {
      await using served = await serve()
      const headers = { authorization: `Bearer ${await tokenFor(served.origin.url, scope)}` }
      const refused = await get(served.blobUrl, { headers })
      assert.equal(refused.status, 401)
      assert.match(String(refused.headers['www-authenticate']), /error="insufficient_scope"/)
    })
  }

  it('issues no token for another service', async () => {
    await using served = await serve()
    assert.equal((await get(`${served.origin.url}/token?service=other`)).status, 400)
  })

  describe('with a login', () => {
    const login = { username: 'alice', password: 'wonder:land', identityToken: 'identity' }
    const scope = `repository:${REPOSITORY}:pull`
    const basic = `Basic ${Buffer.from('alice:wonder:land').toString('base64')}`

    function post(url: string, form: Readonly<Record<string, string>>) {
      const body = new URLSearchParams({ service: 'layermesh-origin', client_id: 'test', scope, ...form })
      const headers = { 'content-type': 'application/x-www-form-urlencoded' }
      return get(`${url}/token`, { method: 'POST', headers, body: String(body) })
    }

    it('gives a token to who proves it, asked by GET', async () => {
      await using served = await serve({ login })
      const url = `${served.origin.url}/token?service=layermesh-origin&scope=${scope}`
      assert.equal((await get(url)).status, 401)
      assert.equal((await get(url, { headers: { authorization: 'Basic eDp5' } })).status, 401)
      assert.equal((await get(url, { headers: { authorization: basic } })).status, 200)
    })

    it('gives a token to who proves it, asked by POST', async () => {
      await using served = await serve({ login, tokenMethods: ['POST'] })
      const { url } = served.origin
      const password = { grant_type: 'password', username: 'alice' }
      assert.equal((await post(url, { ...password, password: 'wrong' })).status, 401)
      assert.equal((await post(url, { grant_type: 'refresh_token', refresh_token: 'wrong' })).status, 401)
      for (const form of [
        { ...password, password: 'wonder:land' },
        { grant_type: 'refresh_token', refresh_token: 'identity' },
      ]) {
        const { body } = await post(url, form)
        const { access_token: token } = JSON.parse(body.toString()) as { access_token: string }
        const headers = { authorization: `Bearer ${token}` }
        assert.equal((await get(served.blobUrl, { headers })).status, 200)
      }
    })

    it('can be needed for some repositories only', async () => {
      await using served = await serve({ login, privateRepositories: [REPOSITORY] })
      const { origin } = served
      origin.add('library/open', image)
      const both = `repository:library/open:pull repository:${REPOSITORY}:pull`
      const bearer = { authorization: `Bearer ${await tokenFor(origin.url, both)}` }
      const openUrl = served.blobUrl.replace(REPOSITORY, 'library/open')
      assert.equal((await get(openUrl, { headers: bearer })).status, 200)
      assert.equal((await get(served.blobUrl, { headers: bearer })).status, 401)
      const url = `${origin.url}/token?service=layermesh-origin&scope=${encodeURIComponent(both)}`
      assert.equal((await get(url, { headers: { authorization: 'Basic eDp5' } })).status, 401)
      const proven = await get(url, { headers: { authorization: basic } })
      const { token } = JSON.parse(proven.body.toString()) as { token: string }
      const headers = { authorization: `Bearer ${token}` }
      assert.equal((await get(served.blobUrl, { headers })).status, 200)
    })

    it('wants to know by POST who asks', async () => {
      await using served = await serve({ login, tokenMethods: ['POST'] })
      const form = { client_id: '', grant_type: 'refresh_token', refresh_token: 'identity' }
      assert.equal((await post(served.origin.url, form)).status, 400)
    })

    it('answers 405 to the other way of asking', async () => {
      await using served = await serve({ login, tokenMethods: ['POST'] })
      assert.equal((await get(`${served.origin.url}/token?service=layermesh-origin`)).status, 405)
    })

    it('can want name and password with each request', async () => {
      await using served = await serve({ login, auth: 'basic' })
      const refused = await get(served.blobUrl)
      assert.deepEqual(
        [refused.status, refused.headers['www-authenticate']],
        [401, 'Basic realm="layermesh-origin"'],
      )
      assert.equal((await get(served.blobUrl, { headers: { authorization: basic } })).status, 200)
      assert.equal((await get(`${served.origin.url}/token`)).status, 401)
    })
  })

  it('has no token endpoint when anybody may pull', async () => {
    await using origin = await startOrigin()
    assert.equal((await get(`${origin.url}/token?service=layermesh-origin`)).status, 404)
  })
})
