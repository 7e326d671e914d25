import assert from 'node:assert/strict'

import { leadChain, RendezvousOrder } from '@layermesh/directory'
import { type Digest, FillWriteError, type Log, silentLog } from '@layermesh/interface'
import { digestOf } from '@layermesh/oci'
import { buildImage, type BuiltContent, type BuiltImage, until } from '@layermesh/testkit'

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

const MiB = 1024 * 1024

describe('a blob that the store has no place for', () => {
  let cluster: TestCluster
  let image: BuiltImage
  let large: BuiltContent
  let small: BuiltContent
  let digest: Digest

  before(async () => {
    image = await buildImage({ seed: 21, layerBytes: [7 * MiB + 17, 2 * MiB + 5] })
    const [first, second] = image.layers
    assert.ok(first !== undefined && second !== undefined)
    large = first
    small = second
    digest = large.descriptor.digest
  })

  beforeEach(async () => {
    cluster = await TestCluster.create()
    cluster.origin.add(REPOSITORY, image, { tag: 'latest' })
  })

  afterEach(async () => {
    await cluster[Symbol.asyncDispose]()
  })

  const getsOf = (content: BuiltContent) =>
    cluster.origin.requests.filter(
      ({ method, reference }) => method === 'GET' && reference === content.descriptor.digest,
    )
  const unkeptBytes = async (node: TestNode, source: string) =>
    Number(
      new RegExp(`^layermesh_unkept_bytes_total\\{source="${source}"\\} (\\d+)$`, 'm').exec(
        await node.metricsText(),
      )?.[1],
    )
  const whenIdle = (node: TestNode) => until(async () => node.fetcher.fills === 0)

  /** A peer that announces `content` and gives `bytes` for it. */
  const addHolder = (content: BuiltContent, bytes: Uint8Array) =>
    cluster.addScriptedPeer('holder', content.descriptor, async () =>
      providedPieces(piecesOf(bytes, MiB), { pieceBytes: MiB }),
    )

  for (const script of ['isFull', 'isReadOnly'] as const) {
    it(`streams through from upstream with one request when the store ${script}`, async () => {
      const node = await cluster.addNode('one')
      node.store[script] = true
      const blob = await node.fetcher.openBlob(refTo(digest))
      assert.equal(blob.source, 'upstream')
      assert.equal(blob.sizeBytes, large.bytes.length)
      assert.deepEqual(await readAll(blob), large.bytes)
      await whenIdle(node)
      assert.equal(await node.storage.blobs.stat(digest), undefined)
      assert.equal(getsOf(large).length, 1)
      assert.equal(cluster.origin.account().blobBytes, large.bytes.length)
      assert.equal(node.fetcher.fetchedBytes('upstream'), large.bytes.length)
      assert.equal(await unkeptBytes(node, 'upstream'), large.bytes.length)
    })
  }

  it('streams through when it is larger than the budget', async () => {
    const node = await cluster.addNode('one', { maxBytes: 5 * MiB })
    assert.deepEqual(await readAll(await node.fetcher.openBlob(refTo(digest))), large.bytes)
    await whenIdle(node)
    assert.equal(await node.storage.blobs.stat(digest), undefined)
    assert.equal(cluster.origin.account().blobBytes, large.bytes.length)
  })

  it('streams through from a peer', async () => {
    await addHolder(large, large.bytes)
    const node = await cluster.addNode('one')
    node.store.isFull = true
    await whenHolderKnown(node, digest)
    const blob = await node.fetcher.openBlob(refTo(digest))
    assert.equal(blob.source, 'site')
    assert.deepEqual(await readAll(blob), large.bytes)
    assert.equal(getsOf(large).length, 0)
    assert.equal(await unkeptBytes(node, 'site'), large.bytes.length)
  })

  it('goes on from upstream, at the same offset, when the peer that was sending dies', async () => {
    const peer = await cluster.addScriptedPeer('dying', large.descriptor, async () =>
      providedPieces(piecesOf(large.bytes, MiB), {
        pieceBytes: MiB,
        async beforePiece(index) {
          if (index === 3) peer.leave()
        },
      }),
    )
    const node = await cluster.addNode('one')
    node.store.isFull = true
    await whenHolderKnown(node, digest)
    assert.deepEqual(await readAll(await node.fetcher.openBlob(refTo(digest))), large.bytes)
    const fromPeer = node.fetcher.fetchedBytes('site')
    assert.ok(fromPeer >= MiB)
    assert.deepEqual(
      getsOf(large).map(({ range }) => range),
      [`bytes=${fromPeer}-`],
    )
  })

  it('goes on with another request where upstream broke off', async () => {
    const node = await cluster.addNode('one')
    node.store.isFull = true
    cluster.origin.script({ match: { kind: 'blob' }, action: { type: 'cut', afterBytes: 3 * MiB }, times: 1 })
    assert.deepEqual(await readAll(await node.fetcher.openBlob(refTo(digest))), large.bytes)
    assert.equal(getsOf(large).length, 2)
  })

  it('gives each of many clients all of it', async () => {
    const node = await cluster.addNode('one')
    node.store.isFull = true
    const blobs = await Promise.all(Array.from({ length: 5 }, () => node.fetcher.openBlob(refTo(digest))))
    for (const bytes of await Promise.all(blobs.map(readAll))) assert.equal(digestOf(bytes), digest)
    assert.equal(getsOf(large).length, 5)
    await whenIdle(node)
  })

  it('is kept for whoever comes when there is room again, while it still passes to another', async () => {
    const node = await cluster.addNode('one')
    node.store.isFull = true
    const passing = await node.fetcher.openBlob(refTo(digest))
    node.store.isFull = false
    await readAll(await node.fetcher.openBlob(refTo(digest)))
    await until(async () => (await node.storage.blobs.stat(digest)) !== undefined)
    assert.deepEqual(await readAll(passing), large.bytes)
  })

  it('is given whole, not in ranges, and what is refused is refused before the first byte', async () => {
    const node = await cluster.addNode('one')
    node.store.isFull = true
    const size = large.bytes.length
    for (const range of [
      { start: 1, end: size },
      { start: 0, end: size - 1 },
    ]) {
      await using blob = await node.fetcher.openBlob(refTo(digest))
      const first = blob.read(range)[Symbol.asyncIterator]().next()
      await assert.rejects(first, { code: 'ERR_CONTENT_UNAVAILABLE' })
    }
    await using whole = await node.fetcher.openBlob(refTo(digest))
    assert.deepEqual(await collect(whole.read({ start: 0, end: size })), large.bytes)
  })

  it('is not taken for complete when a peer sends wrong bytes, and the peer is banned', async () => {
    const wrong = Buffer.from(large.bytes).fill(0, 2 * MiB + 100, 2 * MiB + 200)
    const liar = await addHolder(large, wrong)
    const node = await cluster.addNode('one')
    node.store.isFull = true
    await whenHolderKnown(node, digest)
    let readBytes = 0
    await using blob = await node.fetcher.openBlob(refTo(digest))
    const reading = (async () => {
      for await (const chunk of blob.read()) readBytes += chunk.length
    })()
    await assert.rejects(reading, { code: 'ERR_BLOB_CORRUPT' })
    assert.ok(readBytes <= large.bytes.length - MiB)
    assert.ok(node.network.members().every(({ peer }) => peer !== liar.self.peer))
  })

  it('is not taken for complete when upstream sends wrong bytes', async () => {
    const node = await cluster.addNode('one')
    node.store.isFull = true
    cluster.origin.script({ match: { kind: 'blob' }, action: { type: 'corrupt', offset: 5 } })
    await assert.rejects(readAll(await node.fetcher.openBlob(refTo(digest))), { code: 'ERR_BLOB_CORRUPT' })
  })

  it('is not fetched on when its client has gone', async () => {
    const node = await cluster.addNode('one')
    node.store.isFull = true
    const blob = await node.fetcher.openBlob(refTo(digest))
    const chunks = blob.read()[Symbol.asyncIterator]()
    assert.equal((await chunks.next()).done, false)
    await chunks.return?.()
    await blob[Symbol.asyncDispose]()
    await whenIdle(node)
    assert.ok(node.fetcher.fetchedBytes('upstream') < large.bytes.length)
  })

  it('is not fetched on when its client has gone before anything came', async () => {
    const node = await cluster.addNode('one')
    node.store.isFull = true
    const hang = cluster.origin.script({ match: { kind: 'blob' }, action: { type: 'hang' } })
    const controller = new AbortController()
    const opening = node.fetcher.openBlob(refTo(digest), { signal: controller.signal })
    await cluster.origin.waitForRequest(({ kind }) => kind === 'blob')
    controller.abort(new Error('the client hung up'))
    await assert.rejects(opening, /the client hung up/)
    hang.release()
    await whenIdle(node)
    assert.equal(node.fetcher.fetchedBytes('upstream'), 0)
  })

  it('ends with the node', async () => {
    const node = await cluster.addNode('one')
    node.store.isFull = true
    await using blob = await node.fetcher.openBlob(refTo(digest))
    await node.fetcher.stop()
    assert.equal(node.fetcher.fills, 0)
    await assert.rejects(collect(blob.read()), { name: 'AbortError' })
  })

  it('is fetched once for all who want it at the same time, and verified, when it is small', async () => {
    const node = await cluster.addNode('one')
    node.store.isFull = true
    const ref = refTo(small.descriptor.digest)
    const blobs = await Promise.all(Array.from({ length: 20 }, () => node.fetcher.openBlob(ref)))
    for (const bytes of await Promise.all(blobs.map(readAll))) assert.deepEqual(bytes, small.bytes)
    assert.equal(getsOf(small).length, 1)
    assert.equal(await unkeptBytes(node, 'upstream'), small.bytes.length)
  })

  it('is given in ranges when it is small', async () => {
    const node = await cluster.addNode('one')
    node.store.isFull = true
    await using blob = await node.fetcher.openBlob(refTo(small.descriptor.digest))
    const range = { start: 100, end: MiB + 100 }
    assert.deepEqual(await collect(blob.read(range)), Buffer.from(small.bytes.subarray(100, MiB + 100)))
  })

  it('comes right although a peer sends wrong bytes, when it is small', async () => {
    const liar = await addHolder(small, Buffer.from(small.bytes).fill(0, 100, 200))
    const node = await cluster.addNode('one')
    node.store.isFull = true
    await whenHolderKnown(node, small.descriptor.digest)
    const blob = await node.fetcher.openBlob(refTo(small.descriptor.digest))
    assert.deepEqual(await readAll(blob), small.bytes)
    assert.ok(node.network.members().every(({ peer }) => peer !== liar.self.peer))
  })

  it('costs one request upstream when it is a manifest and 20 clients want it', async () => {
    const node = await cluster.addNode('one')
    node.store.isFull = true
    const ref = refTo(image.manifest.descriptor.digest, 'manifest')
    const manifests = await Promise.all(Array.from({ length: 20 }, () => node.fetcher.getManifest(ref)))
    for (const { bytes } of manifests) assert.deepEqual(Buffer.from(bytes), image.manifest.bytes)
    assert.equal((await node.fetcher.getManifest(ref)).source, 'cache')
    assert.equal(getsOf(image.manifest).length, 1)
  })

  it('is logged once, with the cause', async () => {
    const lines: { readonly fields: Readonly<Record<string, unknown>>; readonly msg: string }[] = []
    const log: Log = { ...silentLog, warn: (fields, msg) => lines.push({ fields, msg }) }
    const node = await cluster.addNode('one', { fetcherLog: log })
    node.store.isFull = true
    const blobs = await Promise.all([1, 2, 3].map(() => node.fetcher.openBlob(refTo(digest))))
    await Promise.all(blobs.map(readAll))
    const unkept = lines.filter(({ msg }) => msg === 'blob not kept')
    assert.equal(unkept.length, 1)
    assert.equal((unkept[0]?.fields['err'] as { code: string }).code, 'ERR_STORE_FULL')
  })

  describe('at the lead', () => {
    /** Two nodes of a site: the lead for `content`, whose store is full, and the one that asks it. */
    const addLeadAndAsker = async (content: BuiltContent): Promise<[TestNode, TestNode]> => {
      const nodes = [await cluster.addNode('one'), await cluster.addNode('two')] as const
      const { network } = nodes[0]
      const chain = leadChain(new RendezvousOrder(content.descriptor.digest), {
        self: network.self,
        members: network.members(),
      })
      const [lead, asker] = chain.site[0] === network.self.peer ? nodes : [nodes[1], nodes[0]]
      lead.store.isFull = true
      return [lead, asker]
    }

    it('is refused to the peer that asks, which goes on upstream', async () => {
      const [lead, asker] = await addLeadAndAsker(large)
      const blob = await asker.fetcher.openBlob(refTo(digest))
      assert.equal(blob.source, 'upstream')
      assert.deepEqual(await readAll(blob), large.bytes)
      await whenIdle(lead)
      await until(async () => (await asker.storage.blobs.stat(digest)) !== undefined)
      assert.equal(lead.fetcher.fetchedBytes('upstream'), 0)
    })

    it('is given to the peer from memory when it is small', async () => {
      const [lead, asker] = await addLeadAndAsker(small)
      const blob = await asker.fetcher.openBlob(refTo(small.descriptor.digest))
      assert.equal(blob.source, 'site')
      assert.deepEqual(await readAll(blob), small.bytes)
      assert.equal(getsOf(small).length, 1)
      await whenIdle(lead)
    })
  })

  describe('when the disk fails in the middle', () => {
    it('goes on from where the disk stopped, and nothing is fetched twice', async () => {
      const node = await cluster.addNode('one')
      node.store.failsAfterBytes = 3 * MiB
      assert.deepEqual(await readAll(await node.fetcher.openBlob(refTo(digest))), large.bytes)
      assert.deepEqual(
        getsOf(large).map(({ range }) => range),
        [undefined, `bytes=${3 * MiB}-`],
      )
      await whenIdle(node)
      assert.equal(await node.storage.blobs.stat(digest), undefined)
    })

    it('goes on for a client that has read to somewhere else than the beginning', async () => {
      const node = await cluster.addNode('one')
      node.store.failsAfterBytes = 3 * MiB
      await using blob = await node.fetcher.openBlob(refTo(digest))
      const size = large.bytes.length
      const read = await collect(blob.read({ start: MiB + 5, end: size }))
      assert.deepEqual(read, Buffer.from(large.bytes.subarray(MiB + 5)))
    })

    it('breaks off for a client that wants a part which can not be verified', async () => {
      const node = await cluster.addNode('one')
      node.store.failsAfterBytes = 3 * MiB
      await using blob = await node.fetcher.openBlob(refTo(digest))
      await assert.rejects(collect(blob.read({ start: 0, end: 5 * MiB })), { code: 'ERR_FILL_WRITE' })
    })

    it('is not taken for complete when what was on disk was wrong', async () => {
      const wrong = Buffer.from(large.bytes).fill(0, 100, 200)
      await addHolder(large, wrong)
      const node = await cluster.addNode('one')
      node.store.failsAfterBytes = 3 * MiB
      await whenHolderKnown(node, digest)
      const blob = await node.fetcher.openBlob(refTo(digest))
      await assert.rejects(readAll(blob), { code: 'ERR_BLOB_CORRUPT' })
    })

    it('goes on in memory for all who follow when it is small', async () => {
      const node = await cluster.addNode('one')
      node.store.failsAfterBytes = MiB + 100
      const ref = refTo(small.descriptor.digest)
      const blobs = await Promise.all(Array.from({ length: 20 }, () => node.fetcher.openBlob(ref)))
      for (const bytes of await Promise.all(blobs.map(readAll))) assert.deepEqual(bytes, small.bytes)
      assert.equal(getsOf(small).length, 2)
    })

    for (const content of ['large', 'small'] as const) {
      it(`gives all of a ${content} blob to who follows when it is refused at the commit`, async () => {
        const node = await cluster.addNode('one')
        node.store.beforeCommit = () => Promise.reject(new FillWriteError('scripted'))
        const { descriptor, bytes } = content === 'large' ? large : small
        assert.deepEqual(await readAll(await node.fetcher.openBlob(refTo(descriptor.digest))), bytes)
        await whenIdle(node)
        assert.equal(await node.storage.blobs.stat(descriptor.digest), undefined)
      })
    }

    it('does not give up a small blob that nobody has read from yet', async () => {
      const node = await cluster.addNode('one')
      node.store.failsAfterBytes = 0
      const ref = refTo(image.manifest.descriptor.digest, 'manifest')
      assert.deepEqual(Buffer.from((await node.fetcher.getManifest(ref)).bytes), image.manifest.bytes)
    })
  })

  it('is asked for by its tag although the manifest that came along could not be kept', async () => {
    cluster.origin.script({
      match: { method: 'HEAD' },
      action: { type: 'omitHeaders', names: ['docker-content-digest'] },
    })
    const node = await cluster.addNode('one')
    node.store.isFull = true
    const tag = { upstream: 'origin.test', repository: REPOSITORY, tag: 'latest' }
    const { digest: resolved } = await node.fetcher.resolveTag(tag)
    assert.equal((await node.fetcher.getManifest(refTo(resolved, 'manifest'))).source, 'cache')
    assert.equal(await unkeptBytes(node, 'upstream'), image.manifest.bytes.length)
  })
})
