import assert from 'node:assert/strict'
import { requireDnsNames, resolveDnsName } from '../src/dns-names.ts'
import { NameServer } from './support/name-server.ts'

describe('requireDnsNames', () => {
  it('reads hosts with and without a port, and services', () => {
    const names = ['mesh.default.svc', 'mesh:5001', '_mesh._tcp.mesh.default.svc.cluster.local.']
    assert.deepEqual(requireDnsNames('mesh.dns', names), [
      { kind: 'hosts', name: 'mesh.default.svc', port: 4001 },
      { kind: 'hosts', name: 'mesh', port: 5001 },
      { kind: 'services', name: '_mesh._tcp.mesh.default.svc.cluster.local.', port: 4001 },
    ])
  })

  for (const wrong of [
    '',
    'a b',
    'mesh:0',
    'mesh:70000',
    '_mesh._tcp.x:1',
    '/dns4/x/tcp/1',
    'http://x',
    '..',
  ]) {
    it(`refuses ${JSON.stringify(wrong)}, naming it`, () => {
      assert.throws(() => requireDnsNames('mesh.dns', [wrong]), {
        code: 'ERR_CONFIG_INVALID',
        message: new RegExp(
          `^mesh\\.dns: ${JSON.stringify(wrong).replaceAll('.', '\\.')} is no name to look up`,
        ),
      })
    })
  }
})

describe('resolveDnsName', () => {
  let server: NameServer

  beforeEach(async () => {
    server = await NameServer.start()
  })
  afterEach(() => server[Symbol.asyncDispose]())

  const resolve = (name: string) => resolveDnsName(server.resolver(), requireDnsNames('mesh.dns', [name])[0]!)

  it('finds all addresses of a host, of both families', async () => {
    server.records = [
      { type: 'A', name: 'mesh.test', data: '10.0.0.1' },
      { type: 'A', name: 'mesh.test', data: '10.0.0.2' },
      { type: 'AAAA', name: 'mesh.test', data: 'fd00::1' },
    ]
    assert.deepEqual((await resolve('mesh.test:5001')).toSorted(), [
      '/ip4/10.0.0.1/tcp/5001',
      '/ip4/10.0.0.2/tcp/5001',
      '/ip6/fd00::1/tcp/5001',
    ])
  })

  it('finds the hosts of a service at its ports, also when one of them is gone', async () => {
    const name = '_mesh._tcp.mesh.test'
    server.records = [
      { type: 'SRV', name, data: { target: 'a.mesh.test', port: 4001 } },
      { type: 'SRV', name, data: { target: 'b.mesh.test', port: 4002 } },
      { type: 'SRV', name, data: { target: 'gone.invalid', port: 4003 } },
      { type: 'A', name: 'a.mesh.test', data: '10.0.0.1' },
      { type: 'A', name: 'b.mesh.test', data: '10.0.0.2' },
    ]
    assert.deepEqual((await resolve(name)).toSorted(), ['/ip4/10.0.0.1/tcp/4001', '/ip4/10.0.0.2/tcp/4002'])
  })

  it('asks the system for what the name server does not know', async () => {
    assert.ok((await resolve('localhost:5001')).includes('/ip4/127.0.0.1/tcp/5001'))
  })

  it('rejects for a name that nobody knows', async () => {
    await assert.rejects(resolve('gone.invalid'))
    await assert.rejects(resolve('_mesh._tcp.gone.invalid'), { code: 'ENOTFOUND' })
  })
})
