import assert from 'node:assert/strict'
import { startOrigin, type OriginRegistry } from '@layermesh/testkit'
import type { HostAddress, ResolveHost } from '../src/host-address.ts'
import {
  createClient,
  REF,
  REPOSITORY,
  startFixture,
  TAG,
  type OriginFixture,
} from './support/client-fixture.ts'

const PUBLIC: HostAddress = { address: '127.0.0.1', family: 4, isPublic: true }
const PRIVATE: HostAddress = { ...PUBLIC, isPublic: false }

/** Says of names what no name server needs to know; addresses are what they are. */
function resolverOf(hosts: Readonly<Record<string, readonly HostAddress[]>>): ResolveHost {
  return (hostname) => Promise.resolve(hosts[hostname] ?? [{ ...PRIVATE, address: hostname }])
}

/** The origin under the name of an endpoint, with storage under another. */
async function startWithStorage(
  hosts: Parameters<typeof resolverOf>[0],
  privateHosts: readonly string[] = [],
) {
  const stack = new AsyncDisposableStack()
  const fixture: OriginFixture = stack.use(await startFixture())
  const storage: OriginRegistry = stack.use(await startOrigin())
  storage.add(REPOSITORY, fixture.image, { tag: TAG })
  const deps = { resolveHost: resolverOf(hosts) }
  const url = `http://registry.test:${fixture.origin.port}`
  const { client } = stack.use(createClient([url], { deps, upstream: { privateHosts } }))
  return {
    ...fixture,
    client,
    storage,
    /** Sends each request on to the storage under this name. */
    redirectTo(host: string) {
      const location = `http://${host}:${storage.port}/v2/${REPOSITORY}/manifests/${TAG}`
      fixture.origin.script({ match: { kind: 'manifest' }, action: { type: 'redirect', location }, times: 1 })
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

describe('AddressGuard', () => {
  const hosts = {
    'registry.test': [PUBLIC],
    'public.test': [PUBLIC],
    'private.test': [PRIVATE],
    'mixed.test': [{ ...PRIVATE, address: '127.0.0.9' }, PUBLIC],
  }

  it('lets a public registry lead to a public host', async () => {
    await using fixture = await startWithStorage(hosts)
    fixture.redirectTo('public.test')
    assert.ok((await fixture.client.headManifest(REF, TAG)) !== undefined)
  })

  it('uses only the public addresses of a host that has both', async () => {
    await using fixture = await startWithStorage(hosts)
    fixture.redirectTo('mixed.test')
    assert.ok((await fixture.client.headManifest(REF, TAG)) !== undefined)
  })

  for (const host of ['private.test', '127.0.0.1', '[::1]']) {
    it(`rejects with ERR_UPSTREAM_PROTOCOL when a public registry leads to ${host}`, async () => {
      await using fixture = await startWithStorage(hosts)
      fixture.redirectTo(host)
      await assert.rejects(fixture.client.headManifest(REF, TAG), {
        code: 'ERR_UPSTREAM_PROTOCOL',
        message: `reg.example: HEAD of a manifest from ${host}:${fixture.storage.port} would go to a private address`,
      })
      assert.deepEqual(fixture.storage.requests, [])
    })
  }

  it('rejects with ERR_UPSTREAM_PROTOCOL when a public registry names a private host for tokens', async () => {
    await using fixture = await startWithStorage(hosts)
    const headers = {
      'www-authenticate': `Bearer realm="https://private.test:${fixture.storage.port}/token"`,
    }
    fixture.origin.script({ match: {}, action: { type: 'status', status: 401, headers } })
    await assert.rejects(fixture.client.headManifest(REF, TAG), { code: 'ERR_UPSTREAM_PROTOCOL' })
    assert.deepEqual(fixture.storage.requests, [])
  })

  it('lets a public registry lead to a private host that is allowed', async () => {
    await using fixture = await startWithStorage(hosts, ['private.test'])
    fixture.redirectTo('private.test')
    assert.ok((await fixture.client.headManifest(REF, TAG)) !== undefined)
  })

  it('lets a private registry lead anywhere', async () => {
    await using fixture = await startWithStorage({ ...hosts, 'registry.test': [PRIVATE] })
    for (const host of ['private.test', 'public.test', '127.0.0.1']) {
      fixture.redirectTo(host)
      assert.ok((await fixture.client.headManifest(REF, TAG)) !== undefined)
    }
  })
})
