import assert from 'node:assert/strict'
import type { PeerId } from '@layermesh/interface'
import { TypedEventEmitter, type Listener, type ListenerEvents } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { addressesOf, OwnAddresses, requireMultiaddrs } from '../src/addresses.ts'

const ALICE = '12D3KooWKnDdG3iXw9eTFijk3EWSunZcFi54Zka4wmtqtt6rPxc8' as PeerId
const BOB = '12D3KooWGC6TvWhfapngX6wvJHMYvKpDMXPb3ZnCZ6dMoaMtimQ5' as PeerId

class FixedListener extends TypedEventEmitter<ListenerEvents> implements Listener {
  readonly #addresses: readonly string[]

  constructor(addresses: readonly string[]) {
    super()
    this.#addresses = addresses
  }

  getAddrs() {
    return this.#addresses.map((address) => multiaddr(address))
  }

  listen = () => Promise.resolve()
  close = () => Promise.resolve()
  updateAnnounceAddrs() {}
}

describe('addressesOf', () => {
  it('ends each address with the peer, whoever it named before', () => {
    const addresses = addressesOf(ALICE, ['/ip4/192.0.2.1/tcp/1', `/dns4/example.com/tcp/2/p2p/${BOB}`])
    assert.deepEqual(addresses.map(String), [
      `/ip4/192.0.2.1/tcp/1/p2p/${ALICE}`,
      `/dns4/example.com/tcp/2/p2p/${ALICE}`,
    ])
  })

  it('leaves out what makes no sense', () => {
    assert.deepEqual(
      addressesOf(ALICE, ['', 'example.com:4001', '/warp/9', '/ip4/300.0.0.1/tcp/1', '/ip4/192.0.2.1']),
      [],
    )
  })

  it('is empty for a peer id that makes no sense', () => {
    assert.deepEqual(addressesOf('nobody' as PeerId, ['/ip4/192.0.2.1/tcp/1']), [])
  })
})

describe('requireMultiaddrs', () => {
  it('returns the values when all are multiaddrs', () => {
    const values = ['/ip4/192.0.2.1/tcp/1', `/dns6/example.com/tcp/2/p2p/${BOB}`]
    assert.deepEqual(requireMultiaddrs('mesh.bootstrap', values), values)
  })
})

describe('OwnAddresses', () => {
  const listeningOn = (addresses: readonly string[], announce: readonly string[] = []) => {
    const own = new OwnAddresses(ALICE, announce)
    for (const address of addresses) own.listening(new FixedListener([address]))
    return own
  }

  it('tells others no loopback address when there is another', () => {
    const own = listeningOn(['/ip4/127.0.0.1/tcp/1', '/ip6/::1/tcp/1', '/ip4/192.0.2.1/tcp/1'])
    assert.equal(own.listened().length, 3)
    assert.deepEqual(own.advertised(), [`/ip4/192.0.2.1/tcp/1/p2p/${ALICE}`])
  })

  it('tells others loopback addresses when there is nothing else', () => {
    assert.deepEqual(listeningOn(['/ip4/127.0.0.1/tcp/1']).advertised(), [
      `/ip4/127.0.0.1/tcp/1/p2p/${ALICE}`,
    ])
  })

  it('tells others the addresses to announce instead', () => {
    const own = listeningOn(['/ip4/192.0.2.1/tcp/1'], ['/dns4/example.com/tcp/2'])
    assert.deepEqual(own.advertised(), [`/dns4/example.com/tcp/2/p2p/${ALICE}`])
    assert.deepEqual(own.listened(), [`/ip4/192.0.2.1/tcp/1/p2p/${ALICE}`])
  })

  it('tells others eight addresses at most', () => {
    const many = Array.from({ length: 20 }, (_, index) => `/ip4/192.0.2.${index}/tcp/1`)
    assert.equal(listeningOn(many).advertised().length, 8)
    assert.equal(listeningOn([], many).advertised().length, 8)
  })
})
