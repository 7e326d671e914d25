import assert from 'node:assert/strict'
import { setImmediate } from 'node:timers/promises'
import type { Member, PeerId, PeerStore } from '@layermesh/interface'
import { ManualClock } from '@layermesh/testkit'
import { MAX_RECALLED, REFRESH_INTERVAL_MS, RememberedPeers } from '../src/remembered-peers.ts'
import { KeptLog } from './support/kept-log.ts'
import { FAILING_PEER_STORE, MemoryPeerStore } from './support/memory-peer-store.ts'

const alice: Member = {
  peer: 'alice' as PeerId,
  name: 'alice',
  version: '0.1.0',
  locality: { region: 'eu', site: 'paris' },
  link: 'site',
  addresses: ['/ip4/192.0.2.1/tcp/4001'],
  roundTripMs: undefined,
}
const recordOf = ({ peer, addresses }: Member, lastSeenAtMs: number) => ({ peer, addresses, lastSeenAtMs })

describe('RememberedPeers', () => {
  const create = (store: PeerStore) => {
    const clock = new ManualClock()
    const log = new KeptLog()
    const learned: PeerId[] = []
    const remembered = new RememberedPeers({ clock, log, store, learn: (peer) => learned.push(peer) })
    return { clock, log, learned, remembered }
  }

  it('recalls a bounded number, those seen last, the latest first', async () => {
    const store = new MemoryPeerStore()
    const count = 2 * MAX_RECALLED
    for (let number = 0; number < count; number++) {
      await store.put(recordOf({ ...alice, peer: `p${number}` as PeerId }, number))
    }
    const { learned, remembered } = create(store)
    await remembered.recall()
    assert.deepEqual(
      learned,
      Array.from({ length: MAX_RECALLED }, (_, index) => `p${count - 1 - index}`),
    )
  })

  it('notes a member that joins, and where it can be reached when it joins again', async () => {
    const store = new MemoryPeerStore()
    const { clock, remembered } = create(store)
    remembered.joined(alice)
    clock.advance(1)
    const moved = { ...alice, addresses: ['/ip4/192.0.2.2/tcp/4001'] }
    remembered.left(alice)
    remembered.joined(moved)
    await remembered.stop([])
    assert.deepEqual(store.puts, [recordOf(alice, clock.now() - 1), recordOf(moved, clock.now())])
  })

  it('notes a sign of life at most every five minutes, and at the end', async () => {
    const store = new MemoryPeerStore()
    const { clock, remembered } = create(store)
    remembered.joined(alice)
    const startMs = clock.now()
    while (clock.now() < startMs + 2 * REFRESH_INTERVAL_MS) {
      clock.advance(5000)
      remembered.seen(alice)
    }
    clock.advance(1)
    await remembered.stop([alice])
    assert.deepEqual(
      store.puts.map(({ lastSeenAtMs }) => lastSeenAtMs - startMs),
      [0, REFRESH_INTERVAL_MS, 2 * REFRESH_INTERVAL_MS, 2 * REFRESH_INTERVAL_MS + 1],
    )
  })

  it('keeps what was known of a member that says no address', async () => {
    const store = new MemoryPeerStore()
    const { remembered } = create(store)
    remembered.joined(alice)
    remembered.joined({ ...alice, addresses: [] })
    await remembered.stop([])
    assert.deepEqual(store.records.get(alice.peer)?.addresses, alice.addresses)
  })

  it('forgets a peer that is banned', async () => {
    const store = new MemoryPeerStore()
    const { remembered } = create(store)
    remembered.joined(alice)
    remembered.left(alice)
    remembered.banned(alice.peer)
    await remembered.stop([])
    assert.deepEqual(await store.list(), [])
  })

  it('says at debug what the store refuses, and goes on', async () => {
    const { learned, log, remembered } = create(FAILING_PEER_STORE)
    await remembered.recall()
    remembered.joined(alice)
    remembered.banned(alice.peer)
    await remembered.stop([alice])
    assert.deepEqual(learned, [])
    assert.deepEqual(
      log.lines.map(({ level, message }) => `${level} ${message}`),
      ['debug peers not recalled', ...Array.from({ length: 3 }, () => 'debug peer not remembered')],
    )
  })

  it('waits at the end until everything is written', async () => {
    const store = new MemoryPeerStore()
    const disk = Promise.withResolvers<undefined>()
    const events: string[] = []
    const { remembered } = create({
      put: () => disk.promise.then(() => void events.push('written')),
      remove: (peer) => store.remove(peer),
      list: () => store.list(),
    })
    remembered.joined(alice)
    const stopped = remembered.stop([]).then(() => events.push('stopped'))
    await setImmediate()
    disk.resolve(undefined)
    await stopped
    assert.deepEqual(events, ['written', 'stopped'])
  })
})
