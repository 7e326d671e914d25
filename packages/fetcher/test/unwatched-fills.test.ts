import assert from 'node:assert/strict'

import type { Digest } from '@layermesh/interface'
import { buildImage, type BuiltContent, ManualClock, until } from '@layermesh/testkit'

import {
  collect,
  piecesOf,
  providedPieces,
  readAll,
  refTo,
  REPOSITORY,
  TestCluster,
  type TestNode,
  whenHolderKnown,
} from './support/test-cluster.ts'
import { GRACE_MS } from '../src/fill-watchers.ts'

const MiB = 1024 * 1024

describe('a fill that has stopped', () => {
  let cluster: TestCluster
  let clock: ManualClock
  let layer: BuiltContent
  let digest: Digest

  beforeEach(async () => {
    clock = new ManualClock()
    cluster = await TestCluster.create()
    const image = await buildImage({ seed: 31, layerBytes: [3 * MiB + 17] })
    cluster.origin.add(REPOSITORY, image)
    const [first] = image.layers
    assert.ok(first !== undefined)
    layer = first
    digest = layer.descriptor.digest
  })

  afterEach(async () => {
    await cluster[Symbol.asyncDispose]()
  })

  const whenIdle = (node: TestNode) => until(async () => node.fetcher.fills === 0)
  const isStored = async (node: TestNode) => (await node.storage.blobs.stat(digest)) !== undefined
  const ranges = () => cluster.origin.requests.filter(({ kind }) => kind === 'blob').map(({ range }) => range)
  const stall = (afterBytes: number) =>
    cluster.origin.script({ match: { kind: 'blob' }, action: { type: 'stall', afterBytes }, times: 1 })

  /** Opens the blob and reads its first bytes; the rest doesn't come as long as the origin is stalled. */
  const openAndRead = async (node: TestNode) => {
    const blob = await node.fetcher.openBlob(refTo(digest))
    await collect(blob.read({ start: 0, end: 1 }))
    return blob
  }

  describe('because nobody wants it any more', () => {
    it('is finished if the setting says so', async () => {
      const node = await cluster.addNode('one', { fetcherClock: clock, unwatchedFills: 'finish' })
      const fault = stall(2 * MiB)
      await (await openAndRead(node))[Symbol.asyncDispose]()
      clock.advance(GRACE_MS)
      fault.release()
      await until(() => isStored(node))
    })

    for (const [rule, how] of [
      ['pause', 'pause'],
      ['drop', 'fail'],
    ] as const) {
      it(`is ended as the setting ${rule} says, after a grace`, async () => {
        const node = await cluster.addNode('one', { fetcherClock: clock, unwatchedFills: rule })
        const fault = stall(2 * MiB)
        await (await openAndRead(node))[Symbol.asyncDispose]()
        clock.advance(GRACE_MS - 1)
        assert.equal(node.fetcher.fills, 1)
        clock.advance(1)
        await whenIdle(node)
        fault.release()
        assert.deepEqual(
          node.store.ends.map((end) => end.how),
          [how],
        )
      })
    }

    it('goes on when somebody comes back within the grace', async () => {
      const node = await cluster.addNode('one', { fetcherClock: clock, unwatchedFills: 'drop' })
      const fault = stall(2 * MiB)
      await (await openAndRead(node))[Symbol.asyncDispose]()
      clock.advance(GRACE_MS - 1)
      const again = await node.fetcher.openBlob(refTo(digest))
      clock.advance(10 * GRACE_MS)
      fault.release()
      assert.deepEqual(await readAll(again), layer.bytes)
      assert.deepEqual(ranges(), [undefined])
    })

    it('counts those that wait for it to begin', async () => {
      const node = await cluster.addNode('one', { fetcherClock: clock, unwatchedFills: 'drop' })
      const hang = cluster.origin.script({ match: { kind: 'blob' }, action: { type: 'hang' }, times: 1 })
      const controller = new AbortController()
      const opening = node.fetcher.openBlob(refTo(digest), { signal: controller.signal })
      await cluster.origin.waitForRequest(({ kind }) => kind === 'blob')
      clock.advance(GRACE_MS)
      assert.equal(node.fetcher.fills, 1)
      controller.abort(new Error('the client hung up'))
      await assert.rejects(opening, /the client hung up/)
      clock.advance(GRACE_MS)
      await whenIdle(node)
      hang.release()
    })

    it('counts the peers that it is sent to', async () => {
      const lead = await cluster.addNode('one', { fetcherClock: clock, unwatchedFills: 'drop' })
      const fault = stall(2 * MiB)
      const blob = await openAndRead(lead)
      const request = { ref: refTo(digest), leadScope: 'site', from: lead.network.self } as const
      const provided = await lead.fetcher.provider.provide(request, { signal: new AbortController().signal })
      await blob[Symbol.asyncDispose]()
      clock.advance(GRACE_MS)
      assert.equal(lead.fetcher.fills, 1)
      await provided?.[Symbol.asyncDispose]()
      clock.advance(GRACE_MS)
      await whenIdle(lead)
      fault.release()
    })

    it('is started anew for who comes while it is ending, and goes on from what was paused', async () => {
      const node = await cluster.addNode('one', { fetcherClock: clock, unwatchedFills: 'pause' })
      const fault = stall(2 * MiB)
      const blob = await node.fetcher.openBlob(refTo(digest))
      await collect(blob.read({ start: 0, end: 2 * MiB }))
      await blob[Symbol.asyncDispose]()
      clock.advance(GRACE_MS)
      assert.deepEqual(await readAll(await node.fetcher.openBlob(refTo(digest))), layer.bytes)
      fault.release()
      assert.deepEqual(ranges(), [undefined, `bytes=${2 * MiB}-`])
      await whenIdle(node)
      assert.deepEqual(
        node.store.ends.map(({ how }) => how),
        ['pause', 'commit'],
      )
    })

    it('is kept when the last one leaves while it is committed', async () => {
      const node = await cluster.addNode('one', { fetcherClock: clock, unwatchedFills: 'drop' })
      const committing = Promise.withResolvers<undefined>()
      const proceed = Promise.withResolvers<undefined>()
      node.store.beforeCommit = async () => {
        committing.resolve(undefined)
        await proceed.promise
      }
      const blob = await openAndRead(node)
      await committing.promise
      await blob[Symbol.asyncDispose]()
      clock.advance(GRACE_MS)
      const again = node.fetcher.openBlob(refTo(digest))
      proceed.resolve(undefined)
      assert.deepEqual(await readAll(await again), layer.bytes)
      assert.equal(await isStored(node), true)
      assert.deepEqual(ranges(), [undefined])
    })
  })

  it('is paused when the node stops', async () => {
    const node = await cluster.addNode('one')
    const fault = stall(2 * MiB)
    const blob = await openAndRead(node)
    await node.fetcher.stop()
    await blob[Symbol.asyncDispose]()
    fault.release()
    assert.deepEqual(
      node.store.ends.map(({ how }) => how),
      ['pause'],
    )
  })

  it('is paused when no source is left, and goes on from there', async () => {
    const asked: number[] = []
    const addHolder = (name: string, beforePiece: (index: number) => Promise<void>) =>
      cluster.addScriptedPeer(name, layer.descriptor, async () =>
        providedPieces(piecesOf(layer.bytes, MiB), { pieceBytes: MiB, beforePiece }),
      )
    const first = await addHolder('dying', async (index) => {
      if (index === 2) first.leave()
    })
    const node = await cluster.addNode('one', { sources: ['site'] })
    await whenHolderKnown(node, digest)
    await assert.rejects(readAll(await node.fetcher.openBlob(refTo(digest))), {
      code: 'ERR_CONTENT_UNAVAILABLE',
    })
    await whenIdle(node)
    const keptBytes = node.fetcher.fetchedBytes('site')
    assert.ok(keptBytes >= MiB)
    await addHolder('living', async (index) => {
      asked.push(index)
    })
    await whenHolderKnown(node, digest)
    assert.deepEqual(await readAll(await node.fetcher.openBlob(refTo(digest))), layer.bytes)
    assert.equal(asked[0], keptBytes / MiB)
  })

  for (const { what, status } of [
    { what: 'is gone', status: 404 },
    { what: 'is forbidden', status: 403 },
    // As to a range of a blob that is shorter than somebody said.
    { what: 'is not that long', status: 416 },
  ]) {
    it(`is dropped when upstream says that the blob ${what}`, async () => {
      const node = await cluster.addNode('one')
      await node.store.leavePaused(digest, layer.bytes.length, layer.bytes.subarray(0, MiB))
      cluster.origin.script({ match: { kind: 'blob' }, action: { type: 'status', status } })
      await assert.rejects(node.fetcher.openBlob(refTo(digest)))
      await whenIdle(node)
      assert.deepEqual(
        node.store.ends.map(({ how }) => how),
        ['fail'],
      )
    })
  }

  describe('when it is taken up again', () => {
    it('asks upstream for what is missing only', async () => {
      const node = await cluster.addNode('one')
      await node.store.leavePaused(digest, layer.bytes.length, layer.bytes.subarray(0, 2 * MiB))
      const blob = await node.fetcher.openBlob(refTo(digest))
      assert.equal(blob.source, 'upstream')
      assert.deepEqual(await readAll(blob), layer.bytes)
      assert.deepEqual(ranges(), [`bytes=${2 * MiB}-`])
      assert.equal(cluster.origin.account().blobBytes, layer.bytes.length - 2 * MiB)
      assert.equal(node.fetcher.fetchedBytes('upstream'), layer.bytes.length - 2 * MiB)
    })

    it('asks a peer for what is missing only', async () => {
      const asked: number[] = []
      await cluster.addScriptedPeer('holder', layer.descriptor, async () =>
        providedPieces(piecesOf(layer.bytes, MiB), {
          pieceBytes: MiB,
          async beforePiece(index) {
            asked.push(index)
          },
        }),
      )
      const node = await cluster.addNode('one')
      await whenHolderKnown(node, digest)
      await node.store.leavePaused(digest, layer.bytes.length, layer.bytes.subarray(0, 2 * MiB))
      const blob = await node.fetcher.openBlob(refTo(digest))
      assert.equal(blob.source, 'site')
      assert.deepEqual(await readAll(blob), layer.bytes)
      assert.deepEqual(asked, [2, 3])
      assert.equal(node.fetcher.fetchedBytes('site'), layer.bytes.length - 2 * MiB)
    })

    it('asks nobody when nothing is missing, and it is known that it may be given', async () => {
      const node = await cluster.addNode('one')
      await node.store.leavePaused(digest, layer.bytes.length, layer.bytes)
      await node.links.put(refTo(digest))
      await cluster.origin.close()
      const blob = await node.fetcher.openBlob(refTo(digest))
      assert.equal(blob.source, 'cache')
      assert.deepEqual(await readAll(blob), layer.bytes)
      assert.equal(node.fetcher.fetchedBytes('upstream'), 0)
      assert.equal(await isStored(node), true)
    })

    it('is not given when nothing is missing and nobody can say whether it may be, and stays as it is', async () => {
      const node = await cluster.addNode('one')
      await node.store.leavePaused(digest, layer.bytes.length, layer.bytes)
      await cluster.origin.close()
      await assert.rejects(node.fetcher.openBlob(refTo(digest)), { code: 'ERR_CONTENT_UNAVAILABLE' })
      await whenIdle(node)
      assert.equal(await node.store.pausedSizeBytes(digest), layer.bytes.length)
    })

    it('is not begun to be served before a source has answered', async () => {
      const node = await cluster.addNode('one')
      await node.store.leavePaused(digest, layer.bytes.length, layer.bytes.subarray(0, 2 * MiB))
      await cluster.origin.close()
      await assert.rejects(node.fetcher.openBlob(refTo(digest)), { code: 'ERR_CONTENT_UNAVAILABLE' })
      await whenIdle(node)
      assert.equal(await node.store.pausedSizeBytes(digest), layer.bytes.length)
    })

    it('is fetched anew, and nobody is blamed, when what was left is wrong', async () => {
      await cluster.addScriptedPeer('holder', layer.descriptor, async () =>
        providedPieces(piecesOf(layer.bytes, MiB), { pieceBytes: MiB }),
      )
      const node = await cluster.addNode('one')
      await whenHolderKnown(node, digest)
      await node.store.leavePaused(digest, layer.bytes.length, Buffer.alloc(2 * MiB))
      const blob = await node.fetcher.openBlob(refTo(digest)).catch(() => undefined)
      await blob?.[Symbol.asyncDispose]()
      await until(() => isStored(node))
      assert.equal(node.network.members().length, 1)
    })

    it('is dropped when a source tells another size, so that it stands in no way', async () => {
      await cluster.addScriptedPeer('holder', layer.descriptor, async () =>
        providedPieces(piecesOf(layer.bytes, MiB), { pieceBytes: MiB }),
      )
      const node = await cluster.addNode('one', { sources: ['site'] })
      await whenHolderKnown(node, digest)
      await node.store.leavePaused(digest, 5 * MiB, layer.bytes.subarray(0, MiB))
      await assert.rejects(node.fetcher.openBlob(refTo(digest)), { code: 'ERR_CONTENT_UNAVAILABLE' })
      await whenIdle(node)
      assert.deepEqual(await readAll(await node.fetcher.openBlob(refTo(digest))), layer.bytes)
    })
  })
})
