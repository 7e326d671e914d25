import assert from 'node:assert/strict'
import { silentLog, type Digest, type PeerId } from '@layermesh/interface'
import { seededRandom } from '@layermesh/testkit'
import { CLUSTER_TOPIC } from '../src/holdings-messages.ts'
import {
  BEAT_INTERVAL_MS,
  BLOB_BYTES,
  blob,
  createCluster,
  knows,
  metricOf,
  peerOf,
  type DirectoryNode,
} from './support/directory-cluster.ts'
import { eventually, settle } from './support/eventually.ts'

describe('Directory', () => {
  describe('regions', () => {
    it('know of each other who holds what, by at most two holders of each blob', async () => {
      const cluster = createCluster()
      const eu = [await cluster.join('a'), await cluster.join('b'), await cluster.join('c')]
      const us = [await cluster.join('d', [], 'us'), await cluster.join('e', [blob(9)], 'us')]
      await cluster.pass(BEAT_INTERVAL_MS)
      for (const node of eu) node.directory.announce(blob(1), BLOB_BYTES)
      eu[0]!.directory.announce(blob(2), BLOB_BYTES)
      await cluster.pass(200)
      for (const node of us) {
        const holders = node.directory.holders(blob(1))
        assert.equal(holders.length, 2)
        assert.ok(holders.every((peer) => eu.some((each) => peerOf(each) === peer)))
        assert.deepEqual(node.directory.holders(blob(2)), [peerOf(eu[0]!)])
      }
      for (const node of eu) assert.deepEqual(node.directory.holders(blob(9)), [peerOf(us[1]!)])
      assert.equal(await speakers(eu), 1)
      assert.equal(await speakers(us), 1)
    })

    it('hear who holds how much in another one from each node itself', async () => {
      const cluster = createCluster()
      const a = await cluster.join('a')
      const far = [1, 2, 3].map((name) => cluster.join(`far-${name}`, [blob(1), blob(2)], 'us'))
      await Promise.all(far)
      await cluster.pass(BEAT_INTERVAL_MS)
      for (const node of far) {
        assert.deepEqual(a.directory.summaryOf(peerOf(await node)), { blobs: 2, bytes: 2 * BLOB_BYTES })
      }
    })

    it('name another holder when one has gone, has lost the blob, or turned out not to have it', async () => {
      const cluster = createCluster()
      const a = await cluster.join('a')
      const far = await Promise.all(['d', 'e', 'f', 'g'].map((name) => cluster.join(name, [blob(1)], 'us')))
      await cluster.pass(BEAT_INTERVAL_MS)
      const nodeOf = (peer: PeerId | undefined) => far.find((node) => peerOf(node) === peer)!
      const named = a.directory.holders(blob(1))
      assert.equal(named.length, 2)
      nodeOf(named[0]).directory.withdraw(blob(1))
      await cluster.pass(200)
      assert.equal(a.directory.holders(blob(1)).length, 2)
      assert.ok(!a.directory.holders(blob(1)).includes(named[0]!))
      await nodeOf(named[1]).leave()
      await cluster.pass(BEAT_INTERVAL_MS + 1500)
      const left = far.map(peerOf).filter((peer) => !named.includes(peer))
      assert.deepEqual(a.directory.holders(blob(1)).toSorted(), left.toSorted())
      a.directory.forget(left[0]!, blob(1))
      assert.deepEqual(a.directory.holders(blob(1)), [left[1]])
    })

    it('find another speaker when theirs dies, which costs the others no comparison', async () => {
      const cluster = createCluster()
      const a = await cluster.join('a')
      const far = await Promise.all(['d', 'e', 'f'].map((name) => cluster.join(name, [], 'us')))
      await cluster.pass(BEAT_INTERVAL_MS)
      for (let index = 0; index < 50; index += 1) far[0]!.directory.announce(blob(index), BLOB_BYTES)
      await cluster.pass(BEAT_INTERVAL_MS)
      // The holder isn't the one to die: what is said of the region stays the same.
      const before = await speakerAmong(far)
      assert.ok(before !== undefined)
      if (before === far[0]) {
        for (let index = 0; index < 50; index += 1) {
          far[0].directory.withdraw(blob(index))
          far[1]!.directory.announce(blob(index), BLOB_BYTES)
        }
        await cluster.pass(BEAT_INTERVAL_MS)
      }
      const compared = await metricOf(a, 'directory_syncs_total{outcome="completed"}')
      await before.leave()
      const rest = far.filter((node) => node !== before)
      await cluster.pass(BEAT_INTERVAL_MS)
      assert.equal(await speakers(rest), 1)
      for (let index = 0; index < 50; index += 1) assert.equal(a.directory.holders(blob(index)).length, 1)
      rest[0]!.directory.announce(blob('new'), BLOB_BYTES)
      await cluster.pass(200)
      assert.deepEqual(a.directory.holders(blob('new')), [peerOf(rest[0]!)])
      assert.equal(await metricOf(a, 'directory_syncs_total{outcome="completed"}'), compared)
    })

    it('are forgotten when their last node has gone', async () => {
      const cluster = createCluster()
      const a = await cluster.join('a')
      const far = await cluster.join('d', [blob(1)], 'us')
      await cluster.pass(BEAT_INTERVAL_MS)
      assert.equal(a.directory.holders(blob(1)).length, 1)
      await far.leave()
      await cluster.pass(100)
      assert.deepEqual(a.directory.holders(blob(1)), [])
      assert.equal(await metricOf(a, 'directory_holdings'), 0)
      await cluster.join('d', [blob(2)], 'us')
      await cluster.pass(BEAT_INTERVAL_MS)
      assert.equal(a.directory.holders(blob(2)).length, 1)
    })

    it('give one that joins late what its neighbours know of others', async () => {
      const cluster = createCluster()
      const a = await cluster.join('a')
      const far = await cluster.join('d', [blob(1), blob(2)], 'us')
      await cluster.pass(BEAT_INTERVAL_MS)
      let asked = 0
      const late = await cluster.join('late')
      far.network.subscribe(CLUSTER_TOPIC, () => (asked += 1))
      await eventually(() => late.directory.holders(blob(1)).length === 1)
      assert.deepEqual(late.directory.holders(blob(2)), a.directory.holders(blob(2)))
      assert.equal(asked, 0)
    })
  })

  describe('faults', () => {
    for (const [name, faults, seeds] of [
      ['lost', { drop: 0.3 }, [1, 2]],
      ['repeated', { duplicate: 0.5 }, [3]],
      ['swapped', { reorder: 0.3 }, [4]],
      [
        'lost, repeated and swapped',
        { drop: 0.2, duplicate: 0.2, reorder: 0.2 },
        [5, 6, 7, 8, 9, 10, 11, 12],
      ],
    ] as const) {
      for (const seed of seeds) {
        it(`leave all views right within two heartbeats after gossip was ${name} (seed ${seed})`, async () => {
          const cluster = createCluster({}, silentLog, seed)
          const eu = [await cluster.join('a'), await cluster.join('b'), await cluster.join('c')]
          const us = [await cluster.join('d', [], 'us'), await cluster.join('e', [], 'us')]
          const nodes = [...eu, ...us]
          await settle()
          cluster.mesh.setGossipFaults(faults)
          const random = seededRandom(seed)
          const held = nodes.map(() => new Set<Digest>())
          for (let step = 0; step < 150; step += 1) {
            const index = Math.floor(random() * nodes.length)
            const digest = blob(Math.floor(random() * 40))
            const isHeld = held[index]!.delete(digest)
            if (isHeld) nodes[index]!.directory.withdraw(digest)
            else {
              held[index]!.add(digest)
              nodes[index]!.directory.announce(digest, BLOB_BYTES)
            }
            await cluster.pass(50)
          }
          cluster.mesh.setGossipFaults({})
          await cluster.pass(2 * BEAT_INTERVAL_MS)
          for (const region of [eu, us]) {
            const digests = nodes.flatMap((node, index) => (region.includes(node) ? [...held[index]!] : []))
            for (const node of nodes) {
              for (const [index, other] of nodes.entries()) {
                if (region.includes(node) && region.includes(other) && node !== other) {
                  assert.ok(knows(node, peerOf(other), [...held[index]!]))
                }
              }
              if (region.includes(node)) continue
              for (const digest of digests) {
                const all = region.filter((each) => held[nodes.indexOf(each)]!.has(digest)).map(peerOf)
                const named = node.directory
                  .holders(digest)
                  .filter((peer) => region.map(peerOf).includes(peer))
                assert.equal(named.length, Math.min(2, all.length))
                assert.ok(named.every((peer) => all.includes(peer)))
              }
              const total = node.directory.summaryOf(peerOf(region[0]!)).blobs
              assert.equal(total, held[nodes.indexOf(region[0]!)]!.size)
            }
          }
        })
      }
    }
  })
})

async function speakerAmong(nodes: readonly DirectoryNode[]): Promise<DirectoryNode | undefined> {
  for (const node of nodes) {
    if ((await metricOf(node, 'directory_speaking')) === 1) return node
  }
  return undefined
}

/** How many of these nodes speak for their region. */
async function speakers(nodes: readonly DirectoryNode[]): Promise<number> {
  const speaking = await Promise.all(nodes.map((node) => metricOf(node, 'directory_speaking')))
  return speaking.reduce((sum, each) => sum + each, 0)
}
