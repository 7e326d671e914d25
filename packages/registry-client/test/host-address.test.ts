import assert from 'node:assert/strict'
import { isPublicAddress, resolveHost } from '../src/host-address.ts'

describe('isPublicAddress', () => {
  const cases: readonly [isPublic: boolean, addresses: readonly string[]][] = [
    [true, ['1.1.1.1', '203.0.114.1', '172.32.0.1', '2606:4700::1111']],
    [false, ['127.0.0.1', '127.9.9.9', '::1', '0.0.0.0', '::']],
    [false, ['10.0.0.1', '172.16.0.1', '192.168.1.1', 'fc00::1', 'fd12::1']],
    [false, ['169.254.169.254', 'fe80::1', 'fe80::1%eth0']],
    [
      false,
      ['100.64.0.1', '224.0.0.1', 'ff02::1', '240.0.0.1', '255.255.255.255', '192.0.2.1', '198.18.0.1'],
    ],
    [false, ['::ffff:10.0.0.1', '::ffff:1.1.1.1', '64:ff9b::a00:1', '2002:a00:1::']],
  ]
  for (const [isPublic, addresses] of cases) {
    it(`is ${isPublic} for ${addresses.join(' ')}`, () => {
      for (const address of addresses) assert.equal(isPublicAddress(address), isPublic, address)
    })
  }
})

describe('resolveHost', () => {
  it('finds an address to be its own', async () => {
    assert.deepEqual(await resolveHost('127.0.0.1'), [{ address: '127.0.0.1', family: 4, isPublic: false }])
    assert.deepEqual(await resolveHost('::1'), [{ address: '::1', family: 6, isPublic: false }])
  })
})
