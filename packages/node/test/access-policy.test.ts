import assert from 'node:assert/strict'
import { loadConfig } from '@layermesh/config'
import { accessPolicy } from '../src/access-policy.ts'

describe('accessPolicy', () => {
  const policyOf = async (credentials: string) => {
    const { upstreams } = await loadConfig({
      env: {},
      set: [`upstreams=[{host: a.io, credentials: ${credentials}}]`],
    })
    return accessPolicy(upstreams)
  }

  for (const login of [
    'username: u, passwordFile: /p',
    'pullSecret: /p',
    'dockerConfig: /p',
    'certFile: /c, keyFile: /k',
  ]) {
    it(`lets clients on the same machine have what a login can have: ${login}`, async () => {
      const accessOf = await policyOf(`{${login}}`)
      assert.equal(accessOf('a.io', true), 'login')
      assert.equal(accessOf('a.io', false), 'anonymous')
    })
  }

  it('lets all have it where the setting says so', async () => {
    const accessOf = await policyOf('{dockerConfig: /p, clients: all}')
    assert.equal(accessOf('a.io', false), 'login')
  })

  it('is for anybody where there is no login, or no such upstream', async () => {
    const accessOf = await policyOf('{clients: all}')
    for (const upstream of ['a.io', 'docker.io', 'elsewhere.test']) {
      assert.equal(accessOf(upstream, true), 'anonymous')
    }
  })
})
