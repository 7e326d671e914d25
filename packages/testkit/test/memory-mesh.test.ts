import assert from 'node:assert/strict'
import type { PeerId } from '@layermesh/interface'
import {
  createMemoryMesh,
  ManualClock,
  peerNetworkContract,
  seededRandom,
  type MemoryMesh,
  type MemoryPeerNetwork,
} from '@layermesh/testkit'

const TOPIC = '/layermesh/test/1'

function join(mesh: MemoryMesh, name: string): MemoryPeerNetwork {
  return mesh.join({ name, version: '1.0.0', locality: { region: 'eu', site: `site-${name}` } })
}

/** Lets everything that waits in microtasks happen. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn += 1) await Promise.resolve()
}

async function deliveries(
  seed: number,
  faults: Parameters<MemoryMesh['setGossipFaults']>[0],
): Promise<number[]> {
  const mesh = createMemoryMesh({ random: seededRandom(seed) })
  const author = join(mesh, 'author')
  const received: number[] = []
  join(mesh, 'reader').subscribe(TOPIC, (_from, message) => received.push(message[0]!))
  mesh.setGossipFaults(faults)
  for (let index = 0; index < 100; index += 1) await author.publish(TOPIC, Uint8Array.of(index))
  await settle()
  return received
}

describe('MemoryMesh', () => {
  peerNetworkContract({
    create(count) {
      const mesh = createMemoryMesh()
      return Promise.resolve(Array.from({ length: count }, (_, index) => join(mesh, String(index))))
    },
    destroy(network) {
      ;(network as MemoryPeerNetwork).leave()
      return Promise.resolve()
    },
  })

  describe('setGossipFaults', () => {
    it('loses about as many messages as it was told to', async () => {
      const received = await deliveries(1, { drop: 0.3 })
      assert.ok(received.length > 55 && received.length < 85)
      assert.deepEqual(
        received,
        received.toSorted((a, b) => a - b),
      )
    })

    it('repeats and reorders messages, the same ones for the same seed', async () => {
      const received = await deliveries(2, { duplicate: 0.2, reorder: 0.2 })
      assert.ok(received.length > 100)
      assert.notDeepEqual(
        received,
        received.toSorted((a, b) => a - b),
      )
      assert.deepEqual(await deliveries(2, { duplicate: 0.2, reorder: 0.2 }), received)
      assert.notDeepEqual(await deliveries(3, { duplicate: 0.2, reorder: 0.2 }), received)
    })
  })

  describe('partition', () => {
    it('separates the groups, tells the members so, and heals', async () => {
      const mesh = createMemoryMesh()
      const [a, b, c] = [join(mesh, 'a'), join(mesh, 'b'), join(mesh, 'c')]
      await settle()
      const events: string[] = []
      a.onMembership({
        joined: ({ name }) => events.push(`joined ${name}`),
        left: ({ name }) => events.push(`left ${name}`),
      })
      mesh.partition([a.self.peer, b.self.peer])
      assert.deepEqual(
        a.members().map(({ name }) => name),
        ['b'],
      )
      assert.deepEqual(c.members(), [])
      mesh.heal()
      assert.equal(a.members().length, 2)
      await settle()
      assert.deepEqual(events, ['left c', 'joined c'])
    })

    it('resets the streams that cross it', async () => {
      const mesh = createMemoryMesh()
      const [a, b] = [join(mesh, 'a'), join(mesh, 'b')]
      await b.handle('/test/1.0.0', async (stream) => {
        await stream.receive()
      })
      const stream = await a.openStream(b.self.peer, '/test/1.0.0')
      mesh.partition([a.self.peer])
      await assert.rejects(stream.receive(), { code: 'ERR_PEER_STREAM' })
    })
  })

  describe('ban', () => {
    it('ends after its duration', () => {
      const clock = new ManualClock()
      const mesh = createMemoryMesh({ clock })
      const [a, b] = [join(mesh, 'a'), join(mesh, 'b')]
      a.ban(b.self.peer, 1000)
      clock.advance(999)
      assert.equal(b.members().length, 0)
      clock.advance(1)
      assert.equal(b.members().length, 1)
    })
  })

  describe('join', () => {
    it('takes a name again once its node has left, as the same peer', () => {
      const mesh = createMemoryMesh()
      const first = join(mesh, 'a')
      assert.throws(() => join(mesh, 'a'))
      first.leave()
      first.leave()
      assert.equal(join(mesh, 'a').self.peer, first.self.peer satisfies PeerId)
    })
  })
})
