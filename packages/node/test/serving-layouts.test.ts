import assert from 'node:assert/strict'

import { OCI_INDEX } from '@layermesh/oci'
import { artifactOf, builtJson } from '@layermesh/testkit'

import { type ServedNode, startServedNode } from './support/served-node.ts'

const index = builtJson({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: [] }, OCI_INDEX)

describe('the ways to name an upstream of a node', () => {
  let served: ServedNode

  before(async () => {
    served = await startServedNode([
      'mirror.defaultUpstream=quay.io',
      'upstreams=[{host: origin.test, aliases: [mine], servedAs: [origin.mirror.local], listen: ["127.0.0.1:0"]}]',
    ])
    served.origin.add('a/b', artifactOf(index), { tag: 'v1' })
  })

  after(() => served[Symbol.asyncDispose]())

  for (const [title, path, headers] of [
    ['ns', '/v2/a/b/manifests/v1?ns=origin.test', {}],
    ['ns in another spelling', '/v2/a/b/manifests/v1?ns=Origin.Test:443', {}],
    ['a prefix after /v2', '/v2/origin.test/a/b/manifests/v1', {}],
    ['a prefix and ns, as override_path makes them', '/v2/origin.test/a/b/manifests/v1?ns=origin.test', {}],
    ['an alias after /v2', '/v2/mine/a/b/manifests/v1', {}],
    ['a prefix before /v2', '/origin.test/v2/a/b/manifests/v1', {}],
    ['an alias before /v2', '/mine/v2/a/b/manifests/v1', {}],
    ['Host', '/v2/a/b/manifests/v1', { host: 'origin.mirror.local:5000' }],
  ] as const) {
    it(`by ${title}`, async () => {
      const { status, headers: got, body } = await served.get(path, headers)
      assert.equal(status, 200)
      assert.deepEqual(body, Buffer.from(index.bytes))
      assert.equal(got['oci-namespace'], /ns=([^&]+)/.exec(path)?.[1])
    })
  }

  it('by an address of its own', async () => {
    const own = served.node.addresses.mirror[1]
    const reply = await fetch(`http://${own}/v2/a/b/manifests/v1`)
    assert.equal(reply.status, 200)
    assert.deepEqual(Buffer.from(await reply.arrayBuffer()), Buffer.from(index.bytes))
  })

  it('are refused with 400 when they contradict each other, and nobody is asked', async () => {
    const before = served.origin.requests.length
    for (const path of [
      '/v2/origin.test/a/b/manifests/v1?ns=quay.io',
      '/mine/v2/a/b/manifests/v1?ns=quay.io',
      '/v2/a/b/manifests/v1?ns=origin.test&ns=origin.test',
      '/v2/a/b/manifests/v1?ns=http://origin.test/',
    ]) {
      assert.equal((await served.get(path)).status, 400, path)
    }
    assert.equal(served.origin.requests.length, before)
  })
})
