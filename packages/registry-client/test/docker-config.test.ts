import assert from 'node:assert/strict'
import { inspect } from 'node:util'
import { UpstreamCredentialsError } from '@layermesh/interface'
import { findAuth, parseDockerConfig } from '../src/docker-config.ts'

const base64 = (text: string) => Buffer.from(text).toString('base64')
const entry = (username: string, password = 'pw') => ({ auth: base64(`${username}:${password}`) })

/** The user whose login is found. */
function userFor(auths: Readonly<Record<string, unknown>>, host: string, repository = 'a/b') {
  const secret = findAuth(parseDockerConfig(JSON.stringify({ auths })), host, repository)
  return secret !== undefined && 'username' in secret ? secret.username : undefined
}

describe('parseDockerConfig', () => {
  it('reads logins as Docker writes them', () => {
    const config = {
      auths: {
        'a.example': entry('u', 'p:w'),
        'b.example': { auth: base64('u:ignored'), identitytoken: 'id' },
        'c.example': { username: 'u', password: 'pw' },
        'd.example': {},
        'e.example': { auth: base64('<token>:id') },
        'f.example': { auth: base64('u:pw\0\0') },
      },
      credsStore: 'desktop',
      credHelpers: { 'gcr.io': 'gcloud', 'https://index.docker.io/v1/': 'hub' },
      HttpHeaders: { 'User-Agent': 'x' },
    }
    const { auths, credsStore, credHelpers } = parseDockerConfig(JSON.stringify(config))
    assert.deepEqual(
      auths.map(({ key, secret }) => [key.host, secret]),
      [
        ['a.example', { username: 'u', password: 'p:w' }],
        ['b.example', { identityToken: 'id' }],
        ['c.example', { username: 'u', password: 'pw' }],
        ['e.example', { identityToken: 'id' }],
        ['f.example', { username: 'u', password: 'pw' }],
      ],
    )
    assert.equal(credsStore, 'desktop')
    assert.deepEqual(
      [...credHelpers],
      [
        ['gcr.io', 'gcloud'],
        ['docker.io', 'hub'],
      ],
    )
  })

  it('reads a file without logins', () => {
    assert.deepEqual(parseDockerConfig('{}'), { auths: [], credsStore: undefined, credHelpers: new Map() })
  })

  it('throws ERR_UPSTREAM_CREDENTIALS that says where, and tells no secret', () => {
    for (const [text, message] of [
      ['{"auths": s3cret', 'the file is no JSON'],
      ['["s3cret"]', 'the file is no JSON object'],
      ['{"auths":"s3cret"}', 'auths is no JSON object'],
      ['{"auths":{"a.example":"s3cret"}}', 'auths["a.example"] is no JSON object'],
      [
        `{"auths":{"a.example":{"auth":"${base64('s3cret')}"}}}`,
        'auths["a.example"].auth is no name and password in base64',
      ],
    ] as const) {
      assert.throws(
        () => parseDockerConfig(text),
        (error) => {
          assert.ok(error instanceof UpstreamCredentialsError)
          assert.equal(error.message, message)
          assert.doesNotMatch(inspect(error), /s3cret|czNjcmV0/)
          return true
        },
      )
    }
  })
})

describe('findAuth', () => {
  it('takes all names of Docker Hub for one', () => {
    const names = [
      'https://index.docker.io/v1/',
      'docker.io',
      'index.docker.io',
      'https://registry-1.docker.io/v2/',
    ]
    for (const name of names) {
      for (const host of ['docker.io', 'registry-1.docker.io']) {
        assert.equal(userFor({ [name]: entry('u') }, host), 'u', name)
      }
    }
  })

  it('compares hosts without schemes and paths of the API, and with ports', () => {
    assert.equal(userFor({ 'https://Reg.example/v2/': entry('u') }, 'reg.example'), 'u')
    assert.equal(userFor({ 'reg.example:5000': entry('u') }, 'reg.example:5000'), 'u')
    assert.equal(userFor({ 'reg.example:5000': entry('u') }, 'reg.example'), undefined)
    assert.equal(userFor({ 'reg.example': entry('u') }, 'evil-reg.example'), undefined)
  })

  it('takes the narrowest namespace', () => {
    const auths = {
      'quay.io': entry('all'),
      'quay.io/org': entry('org'),
      'quay.io/org/app': entry('app'),
    }
    assert.equal(userFor(auths, 'quay.io', 'org/app'), 'app')
    assert.equal(userFor(auths, 'quay.io', 'org/app/sub'), 'app')
    assert.equal(userFor(auths, 'quay.io', 'org/apple'), 'org')
    assert.equal(userFor(auths, 'quay.io', 'organ/app'), 'all')
    assert.equal(userFor({ 'quay.io/org': entry('org') }, 'quay.io', 'other/app'), undefined)
  })

  it('takes globs of Kubernetes label by label, and a host itself before them', () => {
    const auths = { '*.reg.example': entry('glob'), 'eu.reg.example': entry('eu') }
    assert.equal(userFor(auths, 'us.reg.example'), 'glob')
    assert.equal(userFor(auths, 'eu.reg.example'), 'eu')
    assert.equal(userFor(auths, 'reg.example'), undefined)
    assert.equal(userFor(auths, 'a.b.reg.example'), undefined)
    assert.equal(userFor({ 'r*g.ex.mple': entry('u') }, 'ring.ex.mple'), 'u')
    assert.equal(userFor({ 'r*g.e+x.mple': entry('u') }, 'ring.eex.mple'), undefined)
  })
})
