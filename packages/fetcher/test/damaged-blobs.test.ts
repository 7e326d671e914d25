import assert from 'node:assert/strict'
import { open } from 'node:fs/promises'
import { join } from 'node:path'

import type { Digest } from '@layermesh/interface'
import { digestHex } from '@layermesh/oci'
import { buildImage, type BuiltContent, type BuiltImage, until } from '@layermesh/testkit'

import {
  collect,
  readAll,
  refTo,
  REPOSITORY,
  TestCluster,
  type TestNode,
  whenHolderKnown,
} from './support/test-cluster.ts'

const MiB = 1024 * 1024

describe('a blob whose file is damaged', () => {
  let cluster: TestCluster
  let image: BuiltImage
  let layer: BuiltContent
  let digest: Digest

  before(async () => {
    image = await buildImage({ seed: 41, layerBytes: [6 * MiB + 17, 1000, 1001, 1002] })
    const [first] = image.layers
    assert.ok(first !== undefined)
    layer = first
    digest = layer.descriptor.digest
  })

  beforeEach(async () => {
    cluster = await TestCluster.create()
    cluster.origin.add(REPOSITORY, image)
  })

  afterEach(async () => {
    await cluster[Symbol.asyncDispose]()
  })

  const isStored = async (node: TestNode, of = digest) => (await node.storage.blobs.stat(of)) !== undefined
  const addHoldingNode = async (name: string) => {
    const node = await cluster.addNode(name)
    await readAll(await node.fetcher.openBlob(refTo(digest)))
    await until(() => isStored(node))
    await until(async () => node.fetcher.fills === 0)
    return node
  }

  for (const offset of [0, MiB, 6 * MiB]) {
    it(`is read to its end by a client that meets the damage at ${offset}, and is fetched again`, async () => {
      const node = await addHoldingNode('one')
      node.store.rot(digest, offset)
      const blob = await node.fetcher.openBlob(refTo(digest))
      assert.equal(blob.source, 'cache')
      assert.deepEqual(await readAll(blob), layer.bytes)
      await until(() => isStored(node))
    })
  }

  it('is read to its end when a bit of its file has flipped', async () => {
    const node = await addHoldingNode('one')
    const hex = digestHex(digest)
    const file = await open(join(node.dataDir, 'v1/blobs/sha256', hex.slice(0, 2), hex), 'r+')
    await file.write(Buffer.from([(layer.bytes[4 * MiB] ?? 0) ^ 1]), 0, 1, 4 * MiB)
    await file.close()
    assert.deepEqual(await readAll(await node.fetcher.openBlob(refTo(digest))), layer.bytes)
    await until(() => isStored(node))
    assert.deepEqual(await readAll(await node.fetcher.openBlob(refTo(digest))), layer.bytes)
  })

  it('is read on in the range that was asked for', async () => {
    const node = await addHoldingNode('one')
    node.store.rot(digest, 3 * MiB)
    await using blob = await node.fetcher.openBlob(refTo(digest))
    const range = { start: 2 * MiB, end: 4 * MiB }
    assert.deepEqual(
      await collect(blob.read(range)),
      Buffer.from(layer.bytes.subarray(range.start, range.end)),
    )
  })

  it('is read on by several clients with one fetch', async () => {
    const node = await addHoldingNode('one')
    const blobs = await Promise.all([1, 2, 3, 4].map(() => node.fetcher.openBlob(refTo(digest))))
    cluster.origin.resetAccount()
    node.store.rot(digest, 2 * MiB)
    const [first, ...others] = blobs
    assert.ok(first !== undefined)
    assert.deepEqual(await readAll(first), layer.bytes)
    // Their handles are those of the file that has been removed, and read on from it.
    for (const other of others) assert.deepEqual(await readAll(other), layer.bytes)
    assert.equal(cluster.origin.account().blobBytes, layer.bytes.length)
  })

  it('is read on although there is no room to keep it again', async () => {
    const node = await addHoldingNode('one')
    node.store.rot(digest, 3 * MiB)
    const blob = await node.fetcher.openBlob(refTo(digest))
    node.store.isFull = true
    assert.deepEqual(await readAll(blob), layer.bytes)
    const ranges = cluster.origin.requests.filter(({ kind }) => kind === 'blob').map(({ range }) => range)
    assert.equal(ranges.at(-1), `bytes=${3 * MiB}-`)
  })

  it('is refused to a peer, which asks elsewhere', async () => {
    const one = await addHoldingNode('one')
    const two = await cluster.addNode('two')
    await whenHolderKnown(two, digest)
    one.store.rot(digest, 2 * MiB)
    assert.deepEqual(await readAll(await two.fetcher.openBlob(refTo(digest))), layer.bytes)
    assert.equal(two.network.members().length, 1, 'nobody is banned for a rotten disk')
    assert.ok(two.fetcher.fetchedBytes('upstream') < layer.bytes.length)
  })

  describe('refetch', () => {
    it('gets it again in the background, two at a time', async () => {
      const node = await cluster.addNode('one')
      const digests = image.layers.map(({ descriptor }) => descriptor.digest)
      const hang = cluster.origin.script({ match: { kind: 'blob' }, action: { type: 'hang' } })
      for (const each of digests) node.fetcher.refetch(refTo(each))
      await cluster.origin.waitForRequest(({ reference }) => reference === digests[1])
      assert.equal(node.fetcher.fills, 2)
      hang.release()
      await until(async () => (await Promise.all(digests.map((each) => isStored(node, each)))).every(Boolean))
    })

    it('goes on with the next when one is nowhere to be had', async () => {
      const node = await cluster.addNode('one')
      cluster.origin.script({
        match: { kind: 'blob', reference: digest },
        action: { type: 'status', status: 404 },
      })
      for (const { descriptor } of image.layers) node.fetcher.refetch(refTo(descriptor.digest))
      const last = image.layers.at(-1)?.descriptor.digest
      assert.ok(last !== undefined)
      await until(() => isStored(node, last))
      assert.equal(await isStored(node), false)
    })
  })
})
