import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { PeerId } from '@layermesh/interface'
import { seededRandom } from '@layermesh/testkit'
import { EVERYTHING, type Claim } from '../src/claim.ts'
import { bucketOf, toggleBucket } from '../src/fingerprint.ts'
import type { AccountInit, HoldingsAccount } from '../src/holdings-account.ts'
import { HoldingsTable } from '../src/holdings-table.ts'
import type { NamedChange } from '../src/named-holders.ts'
import { claim, hashOf, textOf } from './support/hashes.ts'

const [a, b, c] = ['peer-a', 'peer-b', 'peer-c'] as [PeerId, PeerId, PeerId]
const layer = hashOf('layer')
const config = hashOf('config')

function openOf(table: HoldingsTable, init: Partial<AccountInit> = {}): HoldingsAccount {
  return table.open({ regional: true, isLive: () => true, ...init })
}

/** Takes the memory back until there is no more; returns how many steps it took. */
function sweepAll(table: HoldingsTable): number {
  let steps = 1
  while (table.sweep()) steps += 1
  return steps
}

describe('HoldingsTable', () => {
  it('knows who holds a blob, and what a peer holds', () => {
    const table = new HoldingsTable()
    const [ofA, ofB] = [openOf(table), openOf(table)]
    assert.ok(table.add(ofA, claim(a, layer)))
    assert.ok(table.add(ofA, claim(a, config, 1)))
    assert.ok(table.add(ofB, claim(b, layer)))
    assert.equal(table.add(ofB, claim(b, layer)), false)
    assert.deepEqual(table.holders(layer).toSorted(), [a, b])
    assert.deepEqual(table.holders(config), [a])
    assert.deepEqual(table.holders(hashOf('other')), [])
    assert.deepEqual(ofA.summaryOf(a), { blobs: 2, bytes: 101 })
    assert.deepEqual(ofA.summaryOf(b), { blobs: 0, bytes: 0 })
    assert.equal(table.pairs, 3)
  })

  it('tells digests of both algorithms apart, also those that begin alike', () => {
    const table = new HoldingsTable()
    const account = openOf(table)
    const long = hashOf('layer', 'sha512')
    table.add(account, claim(a, long))
    table.add(account, claim(b, long.slice(0, 32)))
    assert.deepEqual(table.holders(long), [a])
    assert.deepEqual(table.holders(long.slice(0, 32)), [b])
    assert.deepEqual(
      table.claimsIn(account, EVERYTHING).map(textOf).toSorted(),
      [claim(a, long), claim(b, long.slice(0, 32))].map(textOf).toSorted(),
    )
  })

  it('takes the size that was said last, for all holders', () => {
    const table = new HoldingsTable()
    const [ofA, ofB] = [openOf(table), openOf(table)]
    table.add(ofA, claim(a, layer, 100))
    table.add(ofB, claim(b, layer, 70))
    assert.deepEqual([ofA.summaryOf(a).bytes, ofB.summaryOf(b).bytes], [70, 70])
  })

  it('says whether there was something to remove', () => {
    const table = new HoldingsTable()
    const account = openOf(table)
    table.add(account, claim(a, layer))
    assert.equal(table.remove(account, b, layer), false)
    assert.equal(table.remove(account, a, config), false)
    assert.equal(table.remove(openOf(table), a, layer), false)
    assert.equal(table.remove(account, a, layer), true)
    assert.equal(table.remove(account, a, layer), false)
    assert.deepEqual(table.holders(layer), [])
    assert.deepEqual(account.summaryOf(a), { blobs: 0, bytes: 0 })
    assert.equal(account.fingerprint.count, 0)
  })

  it('hides a holding until it is claimed again, and counts it all the same', () => {
    const table = new HoldingsTable()
    const account = openOf(table)
    table.add(account, claim(a, layer))
    const before = account.fingerprint.total()
    table.hide(account, a, layer)
    table.hide(account, a, config)
    assert.deepEqual(table.holders(layer), [])
    assert.deepEqual(account.fingerprint.total(), before)
    assert.equal(account.summaryOf(a).blobs, 1)
    table.add(account, claim(a, layer))
    assert.deepEqual(table.holders(layer), [a])
  })

  it('names only holders that are members at the moment', () => {
    const members = new Set([a])
    const table = new HoldingsTable()
    const account = openOf(table, { isLive: (peer) => members.has(peer) })
    table.add(account, claim(a, layer))
    table.add(account, claim(b, layer))
    assert.deepEqual(table.holders(layer), [a])
    members.add(b).delete(a)
    for (const peer of [a, b, c]) account.updateLive(peer)
    assert.deepEqual(table.holders(layer), [b])
  })

  it('drops a closed account at once, and takes its memory back in steps', () => {
    const table = new HoldingsTable()
    const [closed, other] = [openOf(table), openOf(table)]
    const hashes = Array.from({ length: 5000 }, (_, index) => hashOf(index))
    for (const hash of hashes) table.add(closed, claim(a, hash))
    table.add(other, claim(b, hashes[0]!))
    table.close(closed)
    table.close(closed)
    assert.deepEqual(table.holders(hashes[0]!), [b])
    assert.deepEqual(table.holders(hashes[1]!), [])
    assert.equal(table.pairs, 1)
    // The same peer may be back before everything of its earlier life is gone.
    const again = openOf(table)
    table.add(again, claim(a, hashes[1]!))
    assert.ok(sweepAll(table) > 2)
    assert.equal(table.sweep(), false)
    assert.deepEqual(table.holders(hashes[1]!), [a])
    assert.deepEqual(table.claimsIn(closed, EVERYTHING), [])
    assert.equal(table.claimsIn(other, EVERYTHING).length, 1)
    // Its number is given to somebody else without harm.
    table.add(openOf(table), claim(c, layer))
    assert.deepEqual(table.holders(layer), [c])
  })

  it('finds and replaces what an account claims in a bucket', () => {
    const table = new HoldingsTable()
    const [account, other] = [openOf(table), openOf(table)]
    const hashes = Array.from({ length: 500 }, (_, index) => hashOf(index, index % 3 ? 'sha256' : 'sha512'))
    for (const hash of hashes) {
      table.add(account, claim(a, hash))
      table.add(other, claim(b, hash))
    }
    for (const bits of [0, 3, 8, 11]) {
      const found = Array.from({ length: 1 << bits }, (_, index) => table.claimsIn(account, { bits, index }))
      assert.equal(found.flat().length, hashes.length)
      for (const [index, claims] of found.entries()) {
        for (const { hash, peer } of claims) {
          assert.equal(bucketOf(Buffer.from(hash).readUInt32BE(0), bits), index)
          assert.equal(peer, a)
        }
      }
    }
    const bucket = { bits: 4, index: bucketOf(Buffer.from(hashes[0]!).readUInt32BE(0), 4) }
    const inBucket = table.claimsIn(account, bucket)
    table.replaceBucket(account, bucket, [inBucket[0]!, claim(c, inBucket[1]!.hash)])
    assert.equal(account.fingerprint.count, hashes.length - inBucket.length + 2)
    assert.deepEqual(table.holders(inBucket[1]!.hash).toSorted(), [b, c])
    assert.equal(other.fingerprint.count, hashes.length)
  })

  it('agrees with a simple model after any changes', () => {
    const peers = [a, b, c]
    const hashes = Array.from({ length: 24 }, (_, index) => hashOf(index, index % 2 ? 'sha256' : 'sha512'))
    const change = fc.record({
      kind: fc.constantFrom('add', 'add', 'add', 'remove', 'hide', 'close', 'sweep'),
      peer: fc.constantFrom(...peers),
      hash: fc.constantFrom(...hashes),
    })
    fc.assert(
      fc.property(fc.array(change, { maxLength: 200 }), (changes) => {
        const said = new Map<string, Claim>()
        const table = new HoldingsTable()
        table.named.onChange = (change) => follow(said, change)
        const model = new Map(
          peers.map((peer) => [peer, { account: openOf(table), held: new Map<Uint8Array, boolean>() }]),
        )
        for (const { kind, peer, hash } of changes) {
          const { account, held } = model.get(peer)!
          if (kind === 'add') {
            assert.equal(table.add(account, claim(peer, hash)), !held.has(hash))
            held.set(hash, true)
          } else if (kind === 'remove') {
            assert.equal(table.remove(account, peer, hash), held.delete(hash))
          } else if (kind === 'hide') {
            table.hide(account, peer, hash)
            if (held.has(hash)) held.set(hash, false)
          } else if (kind === 'close') {
            table.close(account)
            model.set(peer, { account: openOf(table), held: new Map() })
          } else table.sweep()
        }
        sweepAll(table)
        for (const [peer, { account, held }] of model) {
          assert.deepEqual(account.summaryOf(peer), { blobs: held.size, bytes: 100 * held.size })
          assert.deepEqual(
            table.claimsIn(account, EVERYTHING).map(textOf).toSorted(),
            [...held.keys()].map((hash) => textOf(claim(peer, hash))).toSorted(),
          )
        }
        for (const hash of hashes) {
          const holders = peers.filter((peer) => model.get(peer)!.held.get(hash) === true)
          assert.deepEqual(table.holders(hash).toSorted(), holders)
          const named = table.named
            .claimsIn(EVERYTHING)
            .filter((each) => Buffer.compare(each.hash, hash) === 0)
          const all = peers.filter((peer) => model.get(peer)!.held.has(hash))
          assert.equal(named.length, Math.min(2, all.length))
          assert.ok(named.every(({ peer }) => all.includes(peer)))
        }
        assert.deepEqual([...said.keys()].toSorted(), table.named.claimsIn(EVERYTHING).map(textOf).toSorted())
        assert.equal(table.named.fingerprint.count, said.size)
      }),
      { numRuns: 300 },
    )
  })

  it('has the fingerprint of what is there, however it came to be there and however much it is', () => {
    const random = seededRandom(5)
    const [first, second] = [new HoldingsTable(), new HoldingsTable()]
    const [one, two] = [openOf(first), openOf(second)]
    const noise = openOf(second)
    const hashes = Array.from({ length: 20_000 }, (_, index) => hashOf(index))
    for (const [index, hash] of hashes.entries()) {
      first.add(one, claim(index % 2 ? a : b, hash))
      second.add(noise, claim(c, hash))
    }
    const shuffled = hashes
      .map((hash, index) => ({ hash, index, order: random() }))
      .toSorted((x, y) => x.order - y.order)
    for (const { hash, index } of shuffled) second.add(two, claim(index % 2 ? a : b, hash))
    for (const bits of [0, 4, 6, 12]) {
      assert.deepEqual(one.fingerprint.buckets(bits), two.fingerprint.buckets(bits))
    }
    const before = two.fingerprint.buckets(12)
    second.remove(two, b, hashes[0]!)
    const after = two.fingerprint.buckets(12)
    assert.notDeepEqual(after, before)
    second.add(two, claim(b, hashes[0]!))
    assert.deepEqual(two.fingerprint.buckets(12), before)
    // The same digest with another holder is another element.
    const holder = openOf(new HoldingsTable())
    assert.deepEqual(holder.fingerprint.total(), { high: 0, low: 0 })
    second.remove(two, b, hashes[0]!)
    second.add(two, claim(c, hashes[0]!))
    assert.notDeepEqual(two.fingerprint.buckets(12), before)
  })

  it('names holders of a blob as others of the region would, whatever order they learned of them in', () => {
    const peers = Array.from({ length: 9 }, (_, index) => `peer-${index}` as PeerId)
    const tables = [peers, peers.toReversed()].map((order) => {
      const table = new HoldingsTable()
      for (const peer of order) {
        const account = openOf(table)
        for (let index = 0; index < 200; index += 1) table.add(account, claim(peer, hashOf(index)))
      }
      table.add(openOf(table, { regional: false }), claim('peer-far' as PeerId, hashOf(0)))
      return table
    })
    const [one, two] = tables as [HoldingsTable, HoldingsTable]
    assert.deepEqual(one.named.fingerprint.buckets(12), two.named.fingerprint.buckets(12))
    assert.deepEqual(one.named.fingerprint.buckets(0), two.named.fingerprint.buckets(0))
    const named = one.named.claimsIn(EVERYTHING)
    assert.equal(named.length, 400)
    assert.deepEqual(named.map(textOf).toSorted(), two.named.claimsIn(EVERYTHING).map(textOf).toSorted())
    // Each of the nine about 44 times.
    for (const peer of peers) {
      const times = named.filter((each) => each.peer === peer).length
      assert.ok(times > 20 && times < 80, `${peer} is named ${times} times`)
    }
    const scanned = new Uint32Array(2 << 4)
    for (let index = 0; index < 16; index += 1) {
      const sub = one.named.fingerprint.buckets(8).subarray(32 * index, 32 * (index + 1))
      for (let at = 0; at < 32; at += 2) toggleBucket(scanned, index, { high: sub[at]!, low: sub[at + 1]! })
    }
    assert.deepEqual(scanned, one.named.fingerprint.buckets(4))
  })
})

function follow(said: Map<string, Claim>, { kind, claim: what }: NamedChange): void {
  if (kind === 'named') said.set(textOf(what), what)
  else assert.ok(said.delete(textOf(what)))
}
