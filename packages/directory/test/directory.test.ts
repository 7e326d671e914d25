import assert from 'node:assert/strict'
import { encode } from 'cborg'
import { createDirectory } from '@layermesh/directory'
import { silentLog, type Digest, type Log, type PeerId, type PeerStream } from '@layermesh/interface'
import { createMetrics } from '@layermesh/telemetry'
import { digestToBytes } from '../src/digest-bytes.ts'
import { encodeHoldingsBeat } from '../src/holdings-beat.ts'
import { regionTopic } from '../src/holdings-messages.ts'
import { askFrame, NEXT_FRAME, replyFrame, SYNC_PROTOCOL } from '../src/sync-frames.ts'
import {
  BEAT_INTERVAL_MS,
  BLOB_BYTES,
  blob,
  createCluster,
  knows,
  metricOf,
  peerOf,
} from './support/directory-cluster.ts'
import { eventually, settle } from './support/eventually.ts'

const EU = regionTopic('eu')

describe('Directory', () => {
  describe('announce', () => {
    it('tells all members, and not this node itself', async () => {
      const cluster = createCluster()
      const [a, b, c] = [await cluster.join('a'), await cluster.join('b'), await cluster.join('c')]
      await settle()
      a.directory.announce(blob(1), BLOB_BYTES)
      await cluster.pass(50)
      assert.deepEqual(b.directory.holders(blob(1)), [peerOf(a)])
      assert.deepEqual(c.directory.holders(blob(1)), [peerOf(a)])
      assert.deepEqual(a.directory.holders(blob(1)), [])
      assert.deepEqual(b.directory.summaryOf(peerOf(a)), { blobs: 1, bytes: BLOB_BYTES })
      assert.equal(await metricOf(b, 'directory_holdings'), 1)
    })

    it('is not gossiped before the start, and known to the others all the same', async () => {
      const cluster = createCluster()
      const a = await cluster.join('a')
      let gossiped = 0
      a.network.subscribe(EU, () => (gossiped += 1))
      const digests = Array.from({ length: 10_000 }, (_, index) => blob(index))
      const b = await cluster.join('b', digests)
      await eventually(() => knows(a, peerOf(b), digests))
      await cluster.pass(1000)
      assert.equal(gossiped, 0)
    })
  })

  describe('withdraw', () => {
    it('is known to all members', async () => {
      const cluster = createCluster()
      const [a, b] = [await cluster.join('a', [blob(1), blob(2)]), await cluster.join('b')]
      await eventually(() => knows(b, peerOf(a), [blob(1), blob(2)]))
      a.directory.withdraw(blob(1))
      await cluster.pass(50)
      assert.ok(knows(b, peerOf(a), [blob(2)]))
      assert.deepEqual(b.directory.holders(blob(1)), [])
    })
  })

  describe('forget', () => {
    it('removes a holder without asking it again at each heartbeat', async () => {
      const cluster = createCluster()
      const [a, b] = [await cluster.join('a', [blob(1)]), await cluster.join('b')]
      await eventually(() => knows(b, peerOf(a), [blob(1)]))
      b.directory.forget(peerOf(a), blob(1))
      b.directory.forget('peer-nobody' as PeerId, blob(1))
      assert.deepEqual(b.directory.holders(blob(1)), [])
      await cluster.pass(3 * BEAT_INTERVAL_MS)
      assert.deepEqual(b.directory.holders(blob(1)), [])
      assert.equal(await metricOf(b, 'directory_syncs_total{outcome="completed"}'), 1)
    })
  })

  describe('members', () => {
    it('gives one that joins late all that is held', async () => {
      const cluster = createCluster()
      const [a, b] = [await cluster.join('a', [blob(1)]), await cluster.join('b', [blob(1), blob(2)])]
      await settle()
      a.directory.announce(blob(3), BLOB_BYTES)
      await cluster.pass(50)
      const c = await cluster.join('c')
      await eventually(
        () => knows(c, peerOf(a), [blob(1), blob(3)]) && knows(c, peerOf(b), [blob(1), blob(2)]),
      )
      assert.deepEqual(c.directory.holders(blob(1)).toSorted(), [peerOf(a), peerOf(b)])
    })

    it('forgets all holdings of one that leaves', async () => {
      const cluster = createCluster()
      const [a, b] = [await cluster.join('a', [blob(1)]), await cluster.join('b', [blob(1)])]
      const c = await cluster.join('c')
      await eventually(() => c.directory.holders(blob(1)).length === 2)
      await a.leave()
      await settle()
      assert.deepEqual(c.directory.holders(blob(1)), [peerOf(b)])
      assert.deepEqual(c.directory.summaryOf(peerOf(a)), { blobs: 0, bytes: 0 })
      assert.equal(await metricOf(c, 'directory_holdings'), 1)
    })

    it('learns anew what one holds that has restarted', async () => {
      const cluster = createCluster()
      const [a, b] = [await cluster.join('a', [blob(1), blob(2)]), await cluster.join('b')]
      await eventually(() => knows(b, peerOf(a), [blob(1), blob(2)]))
      await a.leave()
      const again = await cluster.join('a', [blob(2), blob(3)])
      await eventually(() => knows(b, peerOf(again), [blob(2), blob(3)]))
      again.directory.announce(blob(4), BLOB_BYTES)
      await cluster.pass(50)
      assert.ok(knows(b, peerOf(again), [blob(2), blob(3), blob(4)]))
    })

    it('learns anew what one holds that has restarted unnoticed', async () => {
      const cluster = createCluster()
      const b = await cluster.join('b')
      const network = cluster.mesh.join({
        name: 'a',
        version: '1.0.0',
        locality: { region: 'eu', site: 'a' },
      })
      let epoch = 1
      let held = [blob(1)]
      await network.handle(SYNC_PROTOCOL, async (stream) => {
        await stream.receive()
        await stream.send(partOf(network.self.peer, held))
        await stream.receive()
        await stream.send(replyFrame({ kind: 'end', epoch, sequence: 0 }))
        await stream.receive()
      })
      await eventually(() => knows(b, network.self.peer, [blob(1)]))
      epoch = 2
      held = [blob(2)]
      const own = { epoch, sequence: 0, count: 1, bytes: BLOB_BYTES, fingerprint: { high: 1, low: 1 } }
      network.setFingerprint(() => encodeHoldingsBeat({ own, region: undefined }))
      await cluster.pass(1000)
      assert.ok(knows(b, network.self.peer, [blob(2)]))
    })

    it('agrees again after a partition', async () => {
      const cluster = createCluster()
      const [a, b] = [await cluster.join('a', [blob(1)]), await cluster.join('b', [blob(2)])]
      await settle()
      cluster.mesh.partition([peerOf(a)])
      await settle()
      assert.deepEqual(b.directory.holders(blob(1)), [])
      a.directory.announce(blob(3), BLOB_BYTES)
      b.directory.withdraw(blob(2))
      await cluster.pass(1000)
      cluster.mesh.heal()
      await eventually(() => knows(b, peerOf(a), [blob(1), blob(3)]) && knows(a, peerOf(b), []))
    })
  })

  describe('faults', () => {
    it('compare nothing when two messages were merely swapped', async () => {
      const cluster = createCluster()
      const [a, b] = [await cluster.join('a'), await cluster.join('b')]
      await settle()
      cluster.mesh.setGossipFaults({ reorder: 1 })
      a.directory.announce(blob(1), BLOB_BYTES)
      await cluster.pass(50)
      cluster.mesh.setGossipFaults({})
      a.directory.announce(blob(2), BLOB_BYTES)
      await cluster.pass(1000)
      assert.ok(knows(b, peerOf(a), [blob(1), blob(2)]))
      assert.equal(await metricOf(b, 'directory_syncs_total{outcome="completed"}'), 1)
    })

    it('try again after a peer did not answer, each time later', async () => {
      const cluster = createCluster()
      const a = await cluster.join('a')
      const network = cluster.mesh.join({
        name: 'b',
        version: '1.0.0',
        locality: { region: 'eu', site: 'a' },
      })
      await settle()
      await cluster.pass(400)
      assert.equal(await metricOf(a, 'directory_syncs_total{outcome="failed"}'), 1)
      await cluster.pass(100)
      assert.equal(await metricOf(a, 'directory_syncs_total{outcome="failed"}'), 2)
      await cluster.pass(900)
      assert.equal(await metricOf(a, 'directory_syncs_total{outcome="failed"}'), 2)
      await network.handle(
        SYNC_PROTOCOL,
        answerWith(partOf(network.self.peer, [blob(1)]), replyFrame({ kind: 'end', epoch: 1, sequence: 0 })),
      )
      await cluster.pass(100)
      assert.ok(knows(a, network.self.peer, [blob(1)]))
      assert.equal(await metricOf(a, 'directory_syncs_total{outcome="completed"}'), 1)
    })

    it('give up a peer that stalls in the middle of a comparison', async () => {
      const cluster = createCluster({ syncStallTimeoutMs: 1000 })
      const a = await cluster.join('a')
      const network = cluster.mesh.join({
        name: 'b',
        version: '1.0.0',
        locality: { region: 'eu', site: 'a' },
      })
      await network.handle(SYNC_PROTOCOL, async (stream) => {
        await stream.receive()
        await stream.send(partOf(network.self.peer, []))
        while ((await stream.receive()) !== undefined);
      })
      await settle()
      await cluster.pass(950)
      assert.equal(await metricOf(a, 'directory_syncs_total{outcome="failed"}'), 0)
      await cluster.pass(50)
      assert.equal(await metricOf(a, 'directory_syncs_total{outcome="failed"}'), 1)
      assert.deepEqual(a.directory.holders(blob(1)), [])
    })
  })

  describe('limits', () => {
    it('take nothing from a peer that claims more than the limit', async () => {
      const warnings: string[] = []
      const cluster = createCluster({ maxHoldingsPerPeer: 10 }, logInto(warnings))
      const a = await cluster.join('a')
      const b = await cluster.join(
        'b',
        Array.from({ length: 11 }, (_, index) => blob(index)),
      )
      await eventually(() => warnings.length > 0)
      assert.deepEqual(warnings, ['holdings not learned'])
      assert.equal(a.directory.summaryOf(peerOf(b)).blobs, 0)
    })

    for (const [what, frames] of [
      ['a part without buckets', [replyFrame({ kind: 'part', bits: 0, buckets: [] })]],
      ['a frame of a client', [NEXT_FRAME]],
      ['garbage', [Buffer.from('garbage')]],
    ] as const) {
      it(`take nothing from a peer that answers with ${what}`, async () => {
        const warnings: string[] = []
        const cluster = createCluster({}, logInto(warnings))
        const a = await cluster.join('a')
        const network = cluster.mesh.join({
          name: 'b',
          version: '1.0.0',
          locality: { region: 'eu', site: 'a' },
        })
        await network.handle(SYNC_PROTOCOL, answerWith(...frames))
        await eventually(() => warnings.length > 0)
        assert.deepEqual(warnings, ['holdings not learned'])
        assert.equal(a.directory.summaryOf(network.self.peer).blobs, 0)
      })
    }

    it('reset the stream of a client that asks on after the end', async () => {
      const cluster = createCluster()
      const [a, b] = [await cluster.join('a'), await cluster.join('b')]
      const stream = await b.network.openStream(peerOf(a), SYNC_PROTOCOL)
      await stream.send(
        askFrame({ account: { kind: 'node', peer: peerOf(a) }, buckets: Uint32Array.of(0, 0) }),
      )
      assert.ok(await stream.receive())
      await stream.send(NEXT_FRAME)
      await assert.rejects(stream.receive(), { code: 'ERR_PEER_STREAM' })
    })

    it('complain once about a peer of another version, and go on', async () => {
      const warnings: string[] = []
      const cluster = createCluster({}, logInto(warnings))
      const [a, b] = [await cluster.join('a'), await cluster.join('b')]
      await settle()
      for (const version of [2, 2, 3]) await b.network.publish(EU, encode({ version, kind: 'sketch' }))
      await b.network.publish(EU, Buffer.from('garbage'))
      b.directory.announce(blob(1), BLOB_BYTES)
      await cluster.pass(50)
      assert.ok(knows(a, peerOf(b), [blob(1)]))
      assert.deepEqual(warnings, ['holdings of an unknown version ignored'])
    })
  })

  describe('stop', () => {
    it('ends what goes on, forgets everything and leaves no timer', async () => {
      const cluster = createCluster()
      const [a, b] = [await cluster.join('a', [blob(1)]), await cluster.join('b', [blob(2)])]
      await settle()
      a.directory.announce(blob(3), BLOB_BYTES)
      await a.directory.stop()
      await a.directory.stop()
      assert.deepEqual(a.directory.holders(blob(2)), [])
      await b.directory.stop()
      assert.equal(cluster.clock.pendingTimers, 0)
    })

    it('ends a comparison that is under way', async () => {
      const cluster = createCluster()
      const asked = Promise.withResolvers<undefined>()
      const network = cluster.mesh.join({
        name: 'b',
        version: '1.0.0',
        locality: { region: 'eu', site: 'a' },
      })
      await network.handle(SYNC_PROTOCOL, async (stream) => {
        while ((await stream.receive()) !== undefined) asked.resolve(undefined)
      })
      const a = await cluster.join('a')
      await asked.promise
      await a.directory.stop()
      assert.equal(await metricOf(a, 'directory_syncs_total{outcome="aborted"}'), 1)
      assert.equal(cluster.clock.pendingTimers, 0)
    })

    it('does no harm before the start', async () => {
      const cluster = createCluster()
      const network = cluster.mesh.join({
        name: 'a',
        version: '1.0.0',
        locality: { region: 'eu', site: 'a' },
      })
      const directory = createDirectory({
        network,
        clock: cluster.clock,
        log: silentLog,
        metrics: createMetrics(),
      })
      directory.announce(blob(1), BLOB_BYTES)
      await directory.stop()
      assert.equal(cluster.clock.pendingTimers, 0)
    })
  })
})

/** A part that has all that a peer is said to hold. */
function partOf(peer: PeerId, digests: readonly Digest[]): Uint8Array {
  const claims = digests.map((digest) => ({ peer, hash: digestToBytes(digest), sizeBytes: BLOB_BYTES }))
  return replyFrame({ kind: 'part', bits: 0, buckets: [[0, claims]] })
}

/** A server of comparisons that answers each request with the next of `frames`. */
function answerWith(...frames: readonly Uint8Array[]) {
  return async (stream: PeerStream) => {
    for (const frame of frames) {
      await stream.receive()
      await stream.send(frame)
    }
    while ((await stream.receive()) !== undefined);
  }
}

/** A log that keeps the messages of its warnings. */
function logInto(warnings: string[]): Log {
  const log: Log = { ...silentLog, warn: (_fields, message) => warnings.push(message), child: () => log }
  return log
}
