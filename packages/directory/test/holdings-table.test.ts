import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { Digest, PeerId } from '@layermesh/interface'
import { digestOf } from '@layermesh/oci'
import { HoldingsTable } from '../src/holdings-table.ts'

const [a, b] = ['peer-a', 'peer-b'] as [PeerId, PeerId]
const layer = digestOf(Buffer.from('layer'))
const config = digestOf(Buffer.from('config'))

describe('HoldingsTable', () => {
  it('knows who holds a digest, and what a peer holds', () => {
    const table = new HoldingsTable()
    table.add(a, [layer, 100])
    table.add(a, [config, 1])
    table.add(b, [layer, 100])
    assert.deepEqual(table.holders(layer).toSorted(), [a, b])
    assert.deepEqual(table.holders(config), [a])
    assert.deepEqual(table.summaryOf(a), { blobs: 2, bytes: 101 })
    assert.equal(table.pairs, 3)
  })

  it('corrects the size of a holding that is added again', () => {
    const table = new HoldingsTable()
    table.add(a, [layer, 100])
    table.add(a, [layer, 70])
    assert.deepEqual(table.summaryOf(a), { blobs: 1, bytes: 70 })
    assert.equal(table.pairs, 1)
  })

  it('says whether there was something to remove', () => {
    const table = new HoldingsTable()
    table.add(a, [layer, 100])
    assert.equal(table.remove(b, layer), false)
    assert.equal(table.remove(a, config), false)
    assert.equal(table.remove(a, layer), true)
    assert.equal(table.remove(a, layer), false)
    assert.deepEqual(table.holders(layer), [])
    assert.deepEqual(table.summaryOf(a), { blobs: 0, bytes: 0 })
  })

  it('agrees with a simple model after any changes', () => {
    const peers = [a, b]
    const digests = Array.from({ length: 5 }, (_, index) => digestOf(Buffer.from(String(index))))
    const change = fc.record({
      kind: fc.constantFrom('add', 'remove', 'clear', 'replace'),
      peer: fc.constantFrom(...peers),
      digest: fc.constantFrom(...digests),
      size: fc.nat(1000),
    })
    fc.assert(
      fc.property(fc.array(change, { maxLength: 60 }), (changes) => {
        const table = new HoldingsTable()
        const model = new Map<PeerId, Map<Digest, number>>(peers.map((peer) => [peer, new Map()]))
        for (const { kind, peer, digest, size } of changes) {
          const own = model.get(peer)!
          if (kind === 'add') {
            own.set(digest, size)
            table.add(peer, [digest, size])
          } else if (kind === 'remove') {
            assert.equal(table.remove(peer, digest), own.delete(digest))
          } else if (kind === 'clear') {
            own.clear()
            table.clear(peer)
          } else {
            model.set(peer, new Map([[digest, size]]))
            table.replace(peer, [[digest, size]])
          }
        }
        for (const peer of peers) {
          const sizes = [...model.get(peer)!.values()]
          const bytes = sizes.reduce((sum, size) => sum + size, 0)
          assert.deepEqual(table.summaryOf(peer), { blobs: sizes.length, bytes })
        }
        for (const digest of digests) {
          const holders = peers.filter((peer) => model.get(peer)!.has(digest))
          assert.deepEqual(table.holders(digest).toSorted(), holders)
        }
        assert.equal(
          table.pairs,
          [...model.values()].reduce((sum, { size }) => sum + size, 0),
        )
      }),
    )
  })
})
