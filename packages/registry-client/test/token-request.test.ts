import assert from 'node:assert/strict'
import { UpstreamProtocolError } from '@layermesh/interface'
import { type Credential, credentialOf } from '../src/credential.ts'
import { tokenRequests } from '../src/token-request.ts'

const CHALLENGED = 'https://reg.example.com/v2/library/nginx/manifests/latest'
const SCOPE = 'repository:library/nginx:pull'
const REALM = 'https://auth.example.com/token'
const LOGIN = credentialOf({ username: 'alice', password: 'p:w' })
const IDENTITY = credentialOf({ identityToken: 'refresh' })

interface Asked {
  readonly realm: string
  readonly service?: string
  readonly scope?: string
}

function requestsFor({ realm, service, scope }: Asked, credential?: Credential, challenged = CHALLENGED) {
  const met = { challenge: { realm, service, scope }, url: new URL(challenged) }
  const owner = { upstream: 'reg.example.com', endpoint: new URL(challenged), realms: ['login.other.net'] }
  return tokenRequests(met, SCOPE, credential, owner)
}

function urlFor(asked: Asked, challenged = CHALLENGED): URL {
  return requestsFor(asked, undefined, challenged)[0]!.url
}

describe('tokenRequests', () => {
  describe('the realm', () => {
    it('is asked for the scope of the challenge', () => {
      const url = urlFor({ realm: REALM, service: 's', scope: 'repository:x:pull' })
      assert.equal(url.href, `${REALM}?service=s&scope=repository%3Ax%3Apull`)
    })

    it('is not told a service that the challenge does not name', () => {
      assert.equal(urlFor({ realm: REALM }).searchParams.has('service'), false)
    })

    it('is asked for the pull of the repository when the challenge names no scope', () => {
      assert.deepEqual(urlFor({ realm: REALM }).searchParams.getAll('scope'), [SCOPE])
    })

    it('is asked for several scopes one by one, sorted, each once', () => {
      const { searchParams } = urlFor({ realm: REALM, scope: 'b:pull  a:pull,push b:pull' })
      assert.deepEqual(searchParams.getAll('scope'), ['a:pull,push', 'b:pull'])
    })

    it('keeps its query', () => {
      const { searchParams } = urlFor({ realm: `${REALM}?tenant=7`, service: 's' })
      assert.deepEqual([searchParams.get('tenant'), searchParams.get('service')], ['7', 's'])
    })

    it('may be relative to the registry', () => {
      assert.equal(urlFor({ realm: '/auth/token' }).href.split('?')[0], 'https://reg.example.com/auth/token')
    })

    it('may be http on the host of a registry with http, whatever the port', () => {
      const url = urlFor({ realm: 'http://reg.local:5001/token' }, 'http://reg.local:5000/v2/')
      assert.equal(url.host, 'reg.local:5001')
    })

    it('throws ERR_UPSTREAM_PROTOCOL when it is http on another host, or the registry https', () => {
      assert.throws(() => urlFor({ realm: 'http://auth.local/' }, 'http://reg.local/'), UpstreamProtocolError)
      assert.throws(() => urlFor({ realm: 'http://reg.example.com/' }), UpstreamProtocolError)
    })

    it('throws ERR_UPSTREAM_PROTOCOL when it is no URL of the web', () => {
      for (const realm of ['https://', 'file:///etc/passwd', 'javascript:alert(1)']) {
        assert.throws(() => urlFor({ realm }), UpstreamProtocolError, realm)
      }
    })

    it('throws ERR_UPSTREAM_PROTOCOL when it brings a login along, and does not tell it', () => {
      for (const realm of ['https://user@auth.example/', 'https://:s3cret@auth.example/']) {
        assert.throws(() => urlFor({ realm }), {
          message: 'reg.example.com: the realm of tokens brings a login along',
        })
      }
    })
  })

  it('ask by GET alone, and without a login, when there is none', () => {
    const requests = requestsFor({ realm: REALM })
    assert.deepEqual(
      requests.map(({ method, headers, body }) => [method, headers, body]),
      [['GET', {}, undefined]],
    )
  })

  it('ask with name and password by GET, then by POST', () => {
    const [get, post, ...others] = requestsFor({ realm: `${REALM}?tenant=7`, service: 's' }, LOGIN)
    assert.equal(get?.method, 'GET')
    assert.deepEqual(get.headers, { authorization: `Basic ${Buffer.from('alice:p:w').toString('base64')}` })
    assert.equal(post?.method, 'POST')
    assert.equal(post.url.href, `${REALM}?tenant=7`)
    assert.deepEqual(Object.fromEntries(new URLSearchParams(post.body)), {
      grant_type: 'password',
      username: 'alice',
      password: 'p:w',
      client_id: 'layermesh',
      service: 's',
      scope: SCOPE,
    })
    assert.deepEqual(others, [])
  })

  it('ask with an identity token by POST alone', () => {
    const [post, ...others] = requestsFor({ realm: REALM, scope: 'a:pull b:pull' }, IDENTITY)
    assert.deepEqual(Object.fromEntries(new URLSearchParams(post?.body)), {
      grant_type: 'refresh_token',
      refresh_token: 'refresh',
      client_id: 'layermesh',
      scope: 'a:pull b:pull',
    })
    assert.deepEqual(others, [])
  })

  describe('the login', () => {
    it('is not shown to a realm of another domain, which the message says', () => {
      assert.throws(
        () => requestsFor({ realm: 'https://auth.evil.net/token' }, LOGIN),
        (error) =>
          error instanceof UpstreamProtocolError &&
          error.message.includes('auth.evil.net') &&
          error.message.includes('upstreams[].credentials.realms'),
      )
    })

    it('is shown to one that the operator names', () => {
      const [request] = requestsFor({ realm: 'https://login.other.net/token' }, LOGIN)
      assert.ok(request?.headers['authorization']?.startsWith('Basic '))
    })

    it('stands in no way of a realm elsewhere when there is none', () => {
      assert.equal(requestsFor({ realm: 'https://auth.evil.net/token' })[0]!.url.host, 'auth.evil.net')
    })
  })
})
