import assert from 'node:assert/strict'
import { createUpstreamTable } from '@layermesh/oci'

const upstreams = [
  { host: 'docker.io', aliases: ['hub'] },
  { host: 'Reg.example.com:5000', aliases: ['Internal'] },
]

describe('createUpstreamTable', () => {
  const table = createUpstreamTable(upstreams, 'index.docker.io')

  for (const [name, host] of [
    ['docker.io', 'docker.io'],
    ['registry-1.docker.io', 'docker.io'],
    ['DOCKER.IO:443', 'docker.io'],
    ['hub', 'docker.io'],
    ['internal', 'reg.example.com:5000'],
    ['reg.example.com:5000', 'reg.example.com:5000'],
    ['reg.example.com', undefined],
    ['127.0.0.1', undefined],
    ['', undefined],
    ['..', undefined],
    ['__proto__', undefined],
  ] as const) {
    it(`finds ${String(host)} for ${JSON.stringify(name)}`, () => {
      assert.equal(table.find(name), host)
    })
  }

  it('has the default in canonical form', () => {
    assert.equal(table.defaultUpstream, 'docker.io')
  })

  it('throws ERR_UPSTREAM_UNKNOWN for a default that is not listed', () => {
    assert.throws(() => createUpstreamTable(upstreams, 'quay.io'), { code: 'ERR_UPSTREAM_UNKNOWN' })
  })

  it('throws ERR_ROUTE_INVALID for a host that is none', () => {
    assert.throws(() => createUpstreamTable([{ host: 'https://a.b', aliases: [] }], 'a.b'), {
      code: 'ERR_ROUTE_INVALID',
    })
  })
})
