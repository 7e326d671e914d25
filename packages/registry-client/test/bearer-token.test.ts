import assert from 'node:assert/strict'
import { UpstreamProtocolError } from '@layermesh/interface'
import { parseTokenReply, tokenUrl } from '../src/bearer-token.ts'

const UPSTREAM = 'reg.example'
const CHALLENGED = new URL('https://reg.example/v2/library/nginx/manifests/latest')
const SCOPE = 'repository:library/nginx:pull'

function urlFor(
  challenge: { readonly realm: string; readonly service?: string; readonly scope?: string },
  challengedUrl = CHALLENGED,
) {
  const { realm, service, scope } = challenge
  return tokenUrl({ realm, service, scope }, SCOPE, challengedUrl, UPSTREAM)
}

describe('tokenUrl', () => {
  it('asks the realm for the scope of the challenge', () => {
    const url = urlFor({ realm: 'https://auth.example/token', service: 's', scope: 'repository:x:pull' })
    assert.equal(url.origin + url.pathname, 'https://auth.example/token')
    assert.deepEqual(
      [...url.searchParams],
      [
        ['service', 's'],
        ['scope', 'repository:x:pull'],
      ],
    )
  })

  it('leaves out a service that the challenge does not name', () => {
    assert.equal(urlFor({ realm: 'https://auth.example/token' }).searchParams.has('service'), false)
  })

  it('asks for the pull of the repository when the challenge names no scope', () => {
    assert.deepEqual(urlFor({ realm: 'https://auth.example/token' }).searchParams.getAll('scope'), [SCOPE])
  })

  it('asks for several scopes one by one, sorted, each once', () => {
    const { searchParams } = urlFor({ realm: 'https://auth.example/', scope: 'b:pull  a:pull,push b:pull' })
    assert.deepEqual(searchParams.getAll('scope'), ['a:pull,push', 'b:pull'])
  })

  it('keeps the query of the realm', () => {
    const { searchParams } = urlFor({ realm: 'https://auth.example/token?tenant=7', service: 's' })
    assert.equal(searchParams.get('tenant'), '7')
    assert.equal(searchParams.get('service'), 's')
  })

  it('takes a relative realm as one of the registry', () => {
    assert.equal(urlFor({ realm: '/auth/token' }).href.split('?')[0], 'https://reg.example/auth/token')
  })

  it('throws ERR_UPSTREAM_PROTOCOL when a registry with https names a realm with http', () => {
    assert.throws(() => urlFor({ realm: 'http://reg.example/token' }), UpstreamProtocolError)
  })

  it('allows a realm with http to a registry with http', () => {
    const url = urlFor({ realm: 'http://auth.local/token' }, new URL('http://reg.local:5000/v2/'))
    assert.equal(url.host, 'auth.local')
  })

  it('throws ERR_UPSTREAM_PROTOCOL when the realm is no URL of the web', () => {
    for (const realm of ['https://', 'file:///etc/passwd', 'javascript:alert(1)']) {
      assert.throws(() => urlFor({ realm }), UpstreamProtocolError, realm)
    }
  })
})

describe('parseTokenReply', () => {
  const parse = (reply: unknown) => parseTokenReply(Buffer.from(JSON.stringify(reply)), UPSTREAM)

  it('reads either name of the token', () => {
    assert.equal(parse({ token: 'a' }).value, 'a')
    assert.equal(parse({ access_token: 'b' }).value, 'b')
    assert.equal(parse({ token: '', access_token: 'b' }).value, 'b')
    assert.equal(parse({ token: 'a', access_token: 'b' }).value, 'a')
  })

  it('uses a token a little shorter than the server allows', () => {
    assert.equal(parse({ token: 'a', expires_in: 300 }).usableMs, 270_000)
  })

  it('takes a lifetime that is missing, too short or no number for 60 s', () => {
    for (const expires_in of [undefined, null, 0, -1, 59, '300']) {
      assert.equal(parse({ token: 'a', expires_in }).usableMs, 54_000)
    }
  })

  it('throws ERR_UPSTREAM_PROTOCOL when there is no token', () => {
    for (const reply of [{}, [], null, 7, { token: 7 }, { token: '' }]) {
      assert.throws(() => parse(reply), UpstreamProtocolError)
    }
    assert.throws(() => parseTokenReply(Buffer.from('<html>'), UPSTREAM), UpstreamProtocolError)
  })

  it('throws ERR_UPSTREAM_PROTOCOL for a token that would break out of its header', () => {
    assert.throws(() => parse({ token: 'a\r\nx-evil: 1' }), UpstreamProtocolError)
  })
})
