import assert from 'node:assert/strict'

import {
  ContentUnavailableError,
  type Digest,
  LayermeshError,
  UpstreamNotFoundError,
  UpstreamUnknownError,
} from '@layermesh/interface'
import { digestOf } from '@layermesh/oci'
import { buildImage, type BuiltContent, type BuiltImage, until } from '@layermesh/testkit'

import {
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

describe('Fetcher', () => {
  let cluster: TestCluster
  let image: BuiltImage
  let layer: BuiltContent
  let digest: Digest

  before(async () => {
    image = await buildImage({ seed: 1, layerBytes: [3 * MiB + 17] })
    const [first] = image.layers
    assert.ok(first !== undefined)
    layer = first
    digest = layer.descriptor.digest
  })

  beforeEach(async () => {
    cluster = await TestCluster.create()
    cluster.origin.add(REPOSITORY, image, { tag: 'latest' })
  })

  afterEach(async () => {
    await cluster[Symbol.asyncDispose]()
  })

  const blobBytes = () => cluster.origin.account().blobBytes
  const isStored = async (node: TestNode) => (await node.storage.blobs.stat(digest)) !== undefined

  describe('openBlob', () => {
    it('fetches from upstream what nobody has, then reads it from disk', async () => {
      const node = await cluster.addNode('one')
      const cold = await node.fetcher.openBlob(refTo(digest))
      assert.equal(cold.source, 'upstream')
      assert.deepEqual(await readAll(cold), layer.bytes)
      await until(() => isStored(node))
      const warm = await node.fetcher.openBlob(refTo(digest))
      assert.equal(warm.source, 'cache')
      assert.deepEqual(await readAll(warm), layer.bytes)
      assert.equal(blobBytes(), layer.bytes.length)
      assert.equal(node.fetcher.fetchedBytes('upstream'), layer.bytes.length)
    })

    it('fetches once for many callers at once', async () => {
      const node = await cluster.addNode('one')
      const blobs = await Promise.all(Array.from({ length: 20 }, () => node.fetcher.openBlob(refTo(digest))))
      for (const bytes of await Promise.all(blobs.map(readAll))) assert.equal(digestOf(bytes), digest)
      assert.equal(blobBytes(), layer.bytes.length)
    })

    it('fetches nothing again for a caller that looked at the disk before the fetch of another ended', async () => {
      const node = await cluster.addNode('one')
      const looked = Promise.withResolvers<undefined>()
      node.store.afterStat = () => looked.promise
      const second = node.fetcher.openBlob(refTo(digest))
      node.store.afterStat = () => Promise.resolve()
      await readAll(await node.fetcher.openBlob(refTo(digest)))
      await until(() => Promise.resolve(node.fetcher.fills === 0))
      looked.resolve(undefined)
      assert.deepEqual(await readAll(await second), layer.bytes)
      assert.equal(blobBytes(), layer.bytes.length)
    })

    it('takes from a peer what the peer holds', async () => {
      const one = await cluster.addNode('one')
      await readAll(await one.fetcher.openBlob(refTo(digest)))
      const two = await cluster.addNode('two')
      await whenHolderKnown(two, digest)
      const blob = await two.fetcher.openBlob(refTo(digest))
      assert.equal(blob.source, 'site')
      assert.deepEqual(await readAll(blob), layer.bytes)
      assert.equal(blobBytes(), layer.bytes.length)
      assert.equal(two.fetcher.fetchedBytes('site'), layer.bytes.length)
    })

    it('costs upstream one copy when nodes of two sites and two regions ask at the same time', async () => {
      const places = ['eu/paris', 'eu/paris', 'eu/lyon', 'us/austin', 'us/austin', 'us/boston']
      const nodes: TestNode[] = []
      for (const [index, place] of places.entries()) {
        const [region = '', site = ''] = place.split('/')
        nodes.push(await cluster.addNode(`node-${index}`, { locality: { region, site } }))
      }
      const all = await Promise.all(
        nodes.map(async (node) => readAll(await node.fetcher.openBlob(refTo(digest)))),
      )
      for (const bytes of all) assert.equal(digestOf(bytes), digest)
      assert.equal(blobBytes(), layer.bytes.length)
      const crossing = (scope: 'region' | 'world') =>
        nodes.reduce((sum, node) => sum + node.fetcher.fetchedBytes(scope), 0)
      assert.equal(crossing('world'), layer.bytes.length, 'one copy between the regions')
      assert.equal(crossing('region'), 2 * layer.bytes.length, 'one copy between the sites of each region')
    })

    it('goes upstream past a peer that does not have what it announced', async () => {
      const one = await cluster.addNode('one')
      await readAll(await one.fetcher.openBlob(refTo(digest)))
      const two = await cluster.addNode('two')
      await whenHolderKnown(two, digest)
      await until(() => isStored(one))
      await one.storage.blobs.remove(digest, 'purged')
      assert.equal(digestOf(await readAll(await two.fetcher.openBlob(refTo(digest)))), digest)
    })

    it('goes on from upstream, at the same offset, when the peer that was sending dies', async () => {
      const peer = await cluster.addScriptedPeer('dying', layer.descriptor, async () =>
        providedPieces(piecesOf(layer.bytes, MiB), {
          pieceBytes: MiB,
          async beforePiece(index) {
            if (index === 2) peer.leave()
          },
        }),
      )
      const node = await cluster.addNode('one')
      await whenHolderKnown(node, digest)
      const blob = await node.fetcher.openBlob(refTo(digest))
      assert.equal(blob.source, 'site')
      assert.equal(digestOf(await readAll(blob)), digest)
      assert.ok(node.fetcher.fetchedBytes('site') >= MiB)
      assert.equal(blobBytes(), layer.bytes.length - node.fetcher.fetchedBytes('site'))
    })

    it('resumes where upstream broke off', async () => {
      const node = await cluster.addNode('one')
      cluster.origin.script({ match: { kind: 'blob' }, action: { type: 'cut', afterBytes: MiB }, times: 2 })
      assert.deepEqual(await readAll(await node.fetcher.openBlob(refTo(digest))), layer.bytes)
      const ranges = cluster.origin.requests.filter(({ kind }) => kind === 'blob').map(({ range }) => range)
      assert.equal(ranges.filter((range) => range !== undefined).length, 2)
    })

    it('gives no reader a complete wrong answer, and keeps nothing, when upstream sends wrong bytes', async () => {
      const node = await cluster.addNode('one')
      cluster.origin.script({ match: { kind: 'blob' }, action: { type: 'corrupt', offset: 5 } })
      const blob = await node.fetcher.openBlob(refTo(digest))
      await assert.rejects(readAll(blob), { code: 'ERR_BLOB_CORRUPT' })
      assert.equal(await isStored(node), false)
    })

    it('starts over unnoticed, and bans the peer, when a peer sent a wrong blob that nobody has seen yet', async () => {
      const [small] = (await buildImage({ seed: 9, layerBytes: [2_000] })).layers
      assert.ok(small !== undefined)
      const { descriptor, bytes } = small
      cluster.origin.add(REPOSITORY, { manifest: small, contents: new Map([[descriptor.digest, small]]) })
      const wrong = Buffer.from(bytes).fill(0, 100, 200)
      const liar = await cluster.addScriptedPeer('liar', descriptor, async () =>
        providedPieces([wrong], { pieceBytes: MiB }),
      )
      const node = await cluster.addNode('one')
      await whenHolderKnown(node, descriptor.digest)
      const read = await readAll(await node.fetcher.openBlob(refTo(descriptor.digest)))
      assert.deepEqual(read, bytes)
      assert.equal(node.fetcher.fetchedBytes('site'), bytes.length)
      assert.deepEqual(
        node.network
          .members()
          .map(({ peer }) => peer)
          .filter((peer) => peer === liar.self.peer),
        [],
      )
    })

    it('asks upstream as soon as one peer has lied, however many more would', async () => {
      const [small] = (await buildImage({ seed: 11, layerBytes: [2_000] })).layers
      assert.ok(small !== undefined)
      const { descriptor, bytes } = small
      cluster.origin.add(REPOSITORY, { manifest: small, contents: new Map([[descriptor.digest, small]]) })
      const wrong = Buffer.from(bytes).fill(0, 100, 200)
      for (let index = 0; index < 6; index += 1) {
        await cluster.addScriptedPeer(`liar-${index}`, descriptor, async () =>
          providedPieces([wrong], { pieceBytes: MiB }),
        )
      }
      const node = await cluster.addNode('one')
      await until(async () => node.directory.holders(descriptor.digest).length === 6)
      assert.deepEqual(await readAll(await node.fetcher.openBlob(refTo(descriptor.digest))), bytes)
      assert.equal(node.fetcher.fetchedBytes('site'), bytes.length)
      assert.equal(node.fetcher.fetchedBytes('upstream'), bytes.length)
    })

    it('bans a peer that calls a blob empty which is not', async () => {
      const liar = await cluster.addScriptedPeer('liar', layer.descriptor, async () =>
        providedPieces([], { pieceBytes: MiB }),
      )
      const node = await cluster.addNode('one')
      await whenHolderKnown(node, digest)
      const blob = await node.fetcher.openBlob(refTo(digest)).catch(() => undefined)
      await blob?.[Symbol.asyncDispose]()
      await until(() => isStored(node))
      assert.ok(node.network.members().every(({ peer }) => peer !== liar.self.peer))
    })

    it('believes upstream about the size when a peer has told another', async () => {
      await cluster.addScriptedPeer('liar', layer.descriptor, async () => {
        const content = providedPieces([Buffer.alloc(10)], { pieceBytes: MiB })
        return { ...content, piece: () => Promise.reject(new ContentUnavailableError('no more')) }
      })
      const node = await cluster.addNode('one')
      await whenHolderKnown(node, digest)
      const blob = await node.fetcher.openBlob(refTo(digest)).catch(() => undefined)
      // Whoever was told the wrong size can't be helped; whoever comes next is served right.
      await blob?.[Symbol.asyncDispose]()
      await until(() => isStored(node))
      assert.deepEqual(await readAll(await node.fetcher.openBlob(refTo(digest))), layer.bytes)
    })

    it('does not ban a peer that tells the right size after one that told a wrong one', async () => {
      const right = providedPieces(piecesOf(layer.bytes, MiB), { pieceBytes: MiB })
      let asked = 0
      const provide = async () => {
        asked += 1
        if (asked > 1) return right
        const wrong = providedPieces([Buffer.alloc(10)], { pieceBytes: MiB })
        return { ...wrong, piece: () => Promise.reject(new ContentUnavailableError('no more')) }
      }
      await cluster.addScriptedPeer('first', layer.descriptor, provide)
      await cluster.addScriptedPeer('second', layer.descriptor, provide)
      const node = await cluster.addNode('one')
      await until(async () => node.directory.holders(digest).length === 2)
      const blob = await node.fetcher.openBlob(refTo(digest)).catch(() => undefined)
      await blob?.[Symbol.asyncDispose]()
      await until(() => isStored(node))
      assert.ok(asked >= 2)
      assert.equal(node.network.members().length, 2)
    })

    it('asks for itself when the fetch that it joined was refused what it asked for', async () => {
      const node = await cluster.addNode('one')
      const hang = cluster.origin.script({ match: { kind: 'manifest' }, action: { type: 'hang' } })
      const asManifest = assert.rejects(
        node.fetcher.getManifest(refTo(digest, 'manifest')),
        UpstreamNotFoundError,
      )
      await cluster.origin.waitForRequest(({ kind }) => kind === 'manifest')
      const asBlob = node.fetcher.openBlob(refTo(digest))
      assert.equal((await node.fetcher.statBlob(refTo(digest))).sizeBytes, layer.bytes.length)
      hang.release()
      await asManifest
      assert.deepEqual(await readAll(await asBlob), layer.bytes)
    })

    it('says what upstream answered when nobody has the blob', async () => {
      const node = await cluster.addNode('one')
      const missing = refTo(digestOf(Buffer.from('nobody has this')))
      await assert.rejects(node.fetcher.openBlob(missing), UpstreamNotFoundError)
    })

    it('rejects with ERR_CONTENT_UNAVAILABLE and the cause when upstream can not be reached', async () => {
      const node = await cluster.addNode('one')
      await cluster.origin.close()
      await assert.rejects(node.fetcher.openBlob(refTo(digest)), (error) => {
        assert.ok(error instanceof ContentUnavailableError)
        assert.ok(error.cause instanceof LayermeshError)
        assert.equal(error.cause.code, 'ERR_UPSTREAM_UNREACHABLE')
        return true
      })
    })

    it('does not stop a fetch because the caller that began it has gone', async () => {
      const node = await cluster.addNode('one')
      const hang = cluster.origin.script({ match: { kind: 'blob' }, action: { type: 'hang' } })
      const controller = new AbortController()
      const opening = node.fetcher.openBlob(refTo(digest), { signal: controller.signal })
      await cluster.origin.waitForRequest(({ kind }) => kind === 'blob')
      controller.abort(new Error('the client hung up'))
      await assert.rejects(opening, /the client hung up/)
      hang.release()
      await until(() => isStored(node))
      assert.equal(blobBytes(), layer.bytes.length)
    })

    it('asks nobody when only what is held is of use, and gives that once it is there', async () => {
      const node = await cluster.addNode('one')
      const heldOnly = { heldOnly: true }
      await assert.rejects(node.fetcher.openBlob(refTo(digest), heldOnly), ContentUnavailableError)
      assert.deepEqual(cluster.origin.requests, [])
      const stall = cluster.origin.script({
        match: { kind: 'blob' },
        action: { type: 'stall', afterBytes: 2 * MiB },
      })
      const filling = await node.fetcher.openBlob(refTo(digest))
      await assert.rejects(node.fetcher.openBlob(refTo(digest), heldOnly), ContentUnavailableError)
      stall.release()
      await readAll(filling)
      await until(() => isStored(node))
      assert.deepEqual(await readAll(await node.fetcher.openBlob(refTo(digest), heldOnly)), layer.bytes)
    })

    it('refuses an upstream that is not configured', async () => {
      const node = await cluster.addNode('one')
      await assert.rejects(
        node.fetcher.openBlob({ ...refTo(digest), upstream: 'elsewhere.test' }),
        (error) => {
          return error instanceof ContentUnavailableError && error.cause instanceof UpstreamUnknownError
        },
      )
    })

    it('survives the end of upstream with what any region holds', async () => {
      const one = await cluster.addNode('one', { locality: { region: 'us', site: 'austin' } })
      await readAll(await one.fetcher.openBlob(refTo(digest)))
      const two = await cluster.addNode('two', { sources: ['site', 'region', 'upstream', 'world'] })
      await whenHolderKnown(two, digest)
      await cluster.origin.close()
      const blob = await two.fetcher.openBlob(refTo(digest))
      assert.equal(blob.source, 'world')
      assert.deepEqual(await readAll(blob), layer.bytes)
    })
  })

  describe('getManifest', () => {
    it('gives the exact bytes and the media type, from memory the second time', async () => {
      const node = await cluster.addNode('one')
      const { descriptor, bytes } = image.manifest
      const manifest = await node.fetcher.getManifest(refTo(descriptor.digest, 'manifest'))
      assert.deepEqual(Buffer.from(manifest.bytes), bytes)
      assert.equal(manifest.mediaType, descriptor.mediaType)
      assert.equal(manifest.source, 'upstream')
      const again = await node.fetcher.getManifest(refTo(descriptor.digest, 'manifest'))
      assert.equal(again.source, 'cache')
      assert.equal(cluster.origin.account().manifestBytes, bytes.length)
    })

    it('refuses a blob that is no manifest', async () => {
      const node = await cluster.addNode('one')
      await readAll(await node.fetcher.openBlob(refTo(image.config.descriptor.digest)))
      const asManifest = refTo(image.config.descriptor.digest, 'manifest')
      await assert.rejects(node.fetcher.getManifest(asManifest), { code: 'ERR_MANIFEST_INVALID' })
    })
  })

  describe('links', () => {
    const linksOf = async (node: TestNode, of: Digest) => [...(await node.links.of(of))]

    it('are put for what has been fetched, for what a tag points to, and for what a manifest refers to', async () => {
      const node = await cluster.addNode('one')
      const { digest: manifest } = image.manifest.descriptor
      await readAll(await node.fetcher.openBlob(refTo(digest)))
      await until(async () => node.fetcher.fills === 0)
      assert.deepEqual(await linksOf(node, digest), [refTo(digest)])
      const tag = { upstream: refTo(digest).upstream, repository: REPOSITORY, tag: 'latest' }
      await node.fetcher.resolveTag(tag)
      assert.deepEqual(await linksOf(node, manifest), [refTo(manifest, 'manifest')])
      const config = image.config.descriptor.digest
      assert.deepEqual(await linksOf(node, config), [])
      await node.fetcher.getManifest(refTo(manifest, 'manifest'))
      assert.deepEqual(await linksOf(node, config), [refTo(config)])
      cluster.origin.add('library/other', image, { tag: 'latest' })
      await node.fetcher.resolveTag({ ...tag, repository: 'library/other' })
      assert.equal((await linksOf(node, manifest)).length, 2)
    })

    it('do not stop a fetch when they can not be put', async () => {
      const node = await cluster.addNode('one')
      node.links.put = () => Promise.reject(new Error('scripted'))
      assert.deepEqual(await readAll(await node.fetcher.openBlob(refTo(digest))), layer.bytes)
      await until(() => isStored(node))
      const tag = { upstream: refTo(digest).upstream, repository: REPOSITORY, tag: 'latest' }
      await node.fetcher.getManifest(refTo(image.manifest.descriptor.digest, 'manifest'))
      assert.equal((await node.fetcher.resolveTag(tag)).digest, image.manifest.descriptor.digest)
    })
  })

  it('tells the store of what was used without being opened', async () => {
    const node = await cluster.addNode('one')
    const { digest: manifest } = image.manifest.descriptor
    await node.fetcher.getManifest(refTo(manifest, 'manifest'))
    assert.deepEqual(node.store.usedDigests, [])
    await node.fetcher.getManifest(refTo(manifest, 'manifest'))
    assert.deepEqual(node.store.usedDigests, [manifest])
    await node.fetcher.resolveTag({ upstream: refTo(digest).upstream, repository: REPOSITORY, tag: 'latest' })
    assert.deepEqual(node.store.usedDigests, [manifest, manifest])
  })

  describe('statBlob', () => {
    it('asks upstream, a peer and the disk for the size, the nearest first, and fetches nothing', async () => {
      const one = await cluster.addNode('one')
      const size = layer.bytes.length
      assert.deepEqual(await one.fetcher.statBlob(refTo(digest)), { sizeBytes: size, source: 'upstream' })
      assert.equal(blobBytes(), 0)
      await readAll(await one.fetcher.openBlob(refTo(digest)))
      await until(() => isStored(one))
      assert.deepEqual(await one.fetcher.statBlob(refTo(digest)), { sizeBytes: size, source: 'cache' })
      const two = await cluster.addNode('two')
      await whenHolderKnown(two, digest)
      assert.deepEqual(await two.fetcher.statBlob(refTo(digest)), { sizeBytes: size, source: 'site' })
    })
  })
})
