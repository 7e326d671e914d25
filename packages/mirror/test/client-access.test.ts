import assert from 'node:assert/strict'
import type { Access } from '@layermesh/interface'
import { OCI_MANIFEST } from '@layermesh/oci'
import { isLocalClient } from '../src/client-access.ts'
import { startMirror } from './support/mirror-fixture.ts'

describe('isLocalClient', () => {
  const cases: readonly (readonly [
    local: string | undefined,
    remote: string | undefined,
    expected: boolean,
  ])[] = [
    ['127.0.0.1', '127.0.0.1', true],
    ['127.0.0.53', '127.8.9.10', true],
    ['::1', '::1', true],
    ['::ffff:127.0.0.1', '::ffff:127.0.0.1', true],
    ['10.0.0.7', '10.0.0.7', false],
    ['10.0.0.7', '10.0.0.8', false],
    ['::ffff:10.0.0.7', '::ffff:10.0.0.8', false],
    ['fe80::1', 'fe80::2', false],
    ['127.0.0.1', '10.0.0.8', false],
    [undefined, undefined, false],
  ]
  for (const [localAddress, remoteAddress, expected] of cases) {
    it(`is ${String(expected)} for ${remoteAddress ?? 'nobody'} at ${localAddress ?? 'nowhere'}`, () => {
      assert.equal(isLocalClient({ localAddress, remoteAddress }), expected)
    })
  }
})

describe('the access of a request', () => {
  for (const access of ['anonymous', 'login'] satisfies Access[]) {
    it(`goes along with all that it asks for: ${access}`, async () => {
      const asked: (readonly [upstream: string, isLocal: boolean])[] = []
      await using fixture = await startMirror({
        accessOf(upstream, isLocal) {
          asked.push([upstream, isLocal])
          return access
        },
      })
      const { content } = fixture
      const digest = content.addManifest(OCI_MANIFEST, Buffer.from('{}'), 'latest')
      const blob = content.addBlob(Buffer.from('layer'))
      await fixture.get('/v2/library/app/manifests/latest')
      await fixture.head('/v2/library/app/manifests/latest')
      await fixture.get(`/v2/library/app/manifests/${digest}`)
      await fixture.get(`/v2/library/app/blobs/${blob}`)
      await fixture.head(`/v2/library/app/blobs/${blob}?ns=quay.io`)
      const accesses = content.calls.map(({ ref }) => ref.access ?? 'anonymous')
      assert.ok(accesses.length >= 5)
      assert.deepEqual(new Set(accesses), new Set([access]))
      assert.deepEqual(asked.at(-1), ['quay.io', true])
    })
  }
})
