import assert from 'node:assert/strict'
import { mayShowLogin } from '../src/trusted-realm.ts'

describe('mayShowLogin', () => {
  function shows(realm: string, endpoint: string, realms: readonly string[] = []): boolean {
    return mayShowLogin(new URL(realm), { endpoint: new URL(endpoint), realms })
  }

  for (const [realm, endpoint, expected] of [
    ['https://auth.docker.io/token', 'https://registry-1.docker.io', true],
    ['https://gitlab.com/jwt/auth', 'https://registry.gitlab.com', true],
    ['https://r.azurecr.io/oauth2/token', 'https://r.azurecr.io', true],
    ['https://auth.evil.net/token', 'https://reg.example.com', false],
    ['https://auth.evil.co.uk/token', 'https://reg.example.co.uk', false],
    ['https://me.github.io/token', 'https://you.github.io', false],
    ['https://127.0.0.1:5001/token', 'http://127.0.0.1:5000', true],
    ['https://127.0.0.2/token', 'http://127.0.0.1:5000', false],
    ['https://auth/token', 'https://registry', false],
  ] as const) {
    it(`${expected ? 'shows' : 'does not show'} the login of ${endpoint} to ${realm}`, () => {
      assert.equal(shows(realm, endpoint), expected)
    })
  }

  it('shows it to whom the operator names', () => {
    assert.ok(shows('https://authn.nvidia.com/token', 'https://nvcr.io', ['authn.nvidia.com']))
    assert.ok(!shows('https://authn.nvidia.com/token', 'https://nvcr.io', ['nvidia.com']))
  })
})
