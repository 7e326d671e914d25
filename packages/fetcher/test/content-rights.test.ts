import assert from 'node:assert/strict'

import { rankByRendezvous } from '@layermesh/directory'
import {
  ContentUnavailableError,
  type ContentRef,
  type TagRef,
  UpstreamDeniedError,
  UpstreamNotFoundError,
} from '@layermesh/interface'
import { digestOf } from '@layermesh/oci'
import { buildImage, type BuiltImage, ManualClock, until } from '@layermesh/testkit'

import { KNOWN_FOR_MS } from '../src/content-rights.ts'
import { tagKey } from '../src/tag-leads.ts'
import {
  piecesOf,
  providedPieces,
  readAll,
  refTo,
  REPOSITORY,
  TestCluster,
  type TestNode,
  UPSTREAM,
  whenHolderKnown,
} from './support/test-cluster.ts'

const LOGIN = { username: 'node', password: 's3cret' }
const PRIVATE = 'team/private'
const ORIGIN = { auth: 'bearer', login: LOGIN, privateRepositories: [PRIVATE] } as const
const MiB = 1024 * 1024

describe('ContentRights', () => {
  let cluster: TestCluster
  let image: BuiltImage

  before(async () => {
    image = await buildImage({ seed: 1, layerBytes: [1000, 2000] })
  })

  const create = async (mesh: { authenticated: boolean } = { authenticated: true }) => {
    cluster = await TestCluster.create(ORIGIN, mesh)
    cluster.origin.add(PRIVATE, image, { tag: 'latest' })
  }
  afterEach(() => cluster[Symbol.asyncDispose]())

  const layer = () => image.layers[0]!.descriptor.digest
  const manifest = () => image.manifest.descriptor.digest
  const inPrivate = (digest = layer(), kind: ContentRef['kind'] = 'blob'): ContentRef => ({
    ...refTo(digest, kind),
    repository: PRIVATE,
  })
  const asLogin = <Ref extends object>(ref: Ref) => ({ ...ref, access: 'login' }) as const
  const contentRequests = () =>
    cluster.origin.requests
      .filter(({ kind, status }) => kind !== 'token' && status !== 401)
      .map(({ method, repository, reference }) => `${method} ${repository} ${reference}`)

  /** Pulls the image as a client does that may have what the node's login can have. */
  async function pull({ fetcher }: TestNode, access: 'anonymous' | 'login' = 'login'): Promise<void> {
    const where = { upstream: UPSTREAM, repository: PRIVATE, access }
    const { digest } = await fetcher.resolveTag({ ...where, tag: 'latest' })
    await fetcher.getManifest({ ...where, kind: 'manifest', digest })
    for (const { descriptor } of [image.config, ...image.layers]) {
      await readAll(await fetcher.openBlob({ ...where, kind: 'blob', digest: descriptor.digest }))
    }
    await until(async () => fetcher.fills === 0)
  }

  describe('under another repository', () => {
    beforeEach(() => create())

    it('costs one HEAD, and no bytes, when upstream has it there too', async () => {
      const node = await cluster.addNode('one', { login: LOGIN })
      await pull(node)
      cluster.origin.add(REPOSITORY, image)
      const before = contentRequests().length
      for (let call = 0; call < 3; call += 1) {
        await readAll(await node.fetcher.openBlob(refTo(layer())))
        assert.equal((await node.fetcher.statBlob(refTo(layer()))).source, 'cache')
      }
      assert.deepEqual(contentRequests().slice(before), [`HEAD ${REPOSITORY} ${layer()}`])
    })

    it('is not given when upstream does not have it there, be it a blob or a manifest, on disk or in memory', async () => {
      const node = await cluster.addNode('one', { login: LOGIN })
      await pull(node)
      for (const access of ['anonymous', 'login'] as const) {
        await assert.rejects(node.fetcher.openBlob({ ...refTo(layer()), access }), UpstreamNotFoundError)
        await assert.rejects(node.fetcher.statBlob({ ...refTo(layer()), access }), UpstreamNotFoundError)
        const other = { ...refTo(manifest(), 'manifest'), access }
        await assert.rejects(node.fetcher.getManifest(other), UpstreamNotFoundError)
      }
    })

    it('is not given because an index lists it, which a registry takes from anybody', async () => {
      const node = await cluster.addNode('one', { login: LOGIN })
      await pull(node)
      const mediaType = 'application/vnd.oci.image.index.v1+json'
      const { digest: listed, sizeBytes: size, mediaType: type } = image.manifest.descriptor
      const manifests = [{ mediaType: type, digest: listed, size }]
      const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, manifests }))
      const descriptor = { digest: digestOf(bytes), mediaType, sizeBytes: bytes.length }
      cluster.origin.add(REPOSITORY, { manifest: { descriptor, bytes }, contents: new Map() })
      await node.fetcher.getManifest(refTo(descriptor.digest, 'manifest'))
      await assert.rejects(node.fetcher.getManifest(refTo(listed, 'manifest')), UpstreamNotFoundError)
      await assert.rejects(node.fetcher.openBlob(refTo(layer())), UpstreamNotFoundError)
    })

    it('is not given when upstream can not be asked', async () => {
      const node = await cluster.addNode('one', { login: LOGIN })
      await pull(node)
      await cluster.origin.close()
      await assert.rejects(node.fetcher.openBlob(refTo(layer())), ContentUnavailableError)
      await assert.rejects(node.fetcher.getManifest(refTo(manifest(), 'manifest')), ContentUnavailableError)
      assert.deepEqual(
        await readAll(await node.fetcher.openBlob(asLogin(inPrivate()))),
        image.layers[0]!.bytes,
      )
    })

    it('is not given to who joins a fetch for a repository that has it', async () => {
      const node = await cluster.addNode('one', { login: LOGIN })
      // So that it has its token, and is not asked to show one.
      await node.fetcher.resolveTag(asLogin({ upstream: UPSTREAM, repository: PRIVATE, tag: 'latest' }))
      const hang = cluster.origin.script({ match: { kind: 'blob', method: 'GET' }, action: { type: 'hang' } })
      const opening = node.fetcher.openBlob(asLogin(inPrivate()))
      await cluster.origin.waitForRequest(({ kind, status }) => kind === 'blob' && status === 200)
      await assert.rejects(node.fetcher.openBlob(refTo(layer())), UpstreamNotFoundError)
      await assert.rejects(node.fetcher.openBlob(inPrivate()), UpstreamDeniedError)
      hang.release()
      await readAll(await opening)
    })
  })

  describe('that is here, or nearly, under another repository', () => {
    beforeEach(() => create())

    it('is not given because a fetch has ended while somebody looked for it', async () => {
      const node = await cluster.addNode('one', { login: LOGIN })
      await pull(node)
      const stat = node.store.stat.bind(node.store)
      let looks = 0
      node.store.stat = async (digest) => ((looks += 1) === 1 ? undefined : stat(digest))
      await assert.rejects(node.fetcher.openBlob(refTo(layer())), UpstreamNotFoundError)
      assert.ok(looks > 1)
      looks = 0
      const request = { ref: refTo(layer()), from: await laterMember(node), leadScope: 'site' } as const
      const { signal } = new AbortController()
      await assert.rejects(node.fetcher.provider.provide(request, { signal }), UpstreamNotFoundError)
      assert.equal((await node.links.of(layer())).length, 1)
    })

    it('is not given because all of it was here when an earlier fetch was interrupted', async () => {
      // A blob of one piece is never gone on with.
      const [large] = (await buildImage({ seed: 2, layerBytes: [3 * MiB] })).layers
      assert.ok(large !== undefined)
      const { digest, sizeBytes } = large.descriptor
      cluster.origin.add(PRIVATE, { manifest: large, contents: new Map([[digest, large]]) })
      const node = await cluster.addNode('one', { login: LOGIN })
      await node.store.leavePaused(digest, sizeBytes, large.bytes)
      await assert.rejects(node.fetcher.openBlob(refTo(digest)), UpstreamNotFoundError)
      assert.deepEqual(await node.links.of(digest), [])
      await node.store.leavePaused(digest, sizeBytes, large.bytes)
      const read = await readAll(await node.fetcher.openBlob(asLogin(inPrivate(digest))))
      assert.deepEqual(read, large.bytes)
      assert.equal(node.fetcher.fetchedBytes('upstream'), 0)
    })

    /** A member that comes after `node` in rendezvous order for the layer. */
    async function laterMember({ network }: TestNode) {
      for (let index = 0; ; index += 1) {
        const { self } = (await cluster.addNode(`member-${index}`)).network
        if (rankByRendezvous(layer(), [self.peer, network.self.peer])[1] === self.peer) return self
      }
    }
  })

  describe('under its own repository', () => {
    beforeEach(() => create())

    it('needs no upstream: a manifest vouches for what it refers to, also after a restart', async () => {
      const one = await cluster.addNode('one', { login: LOGIN })
      await pull(one)
      await one.fetcher.stop()
      for (const { descriptor } of [image.manifest, image.config, ...image.layers]) {
        const [link, ...others] = await one.links.of(descriptor.digest)
        const kind = descriptor.digest === manifest() ? 'manifest' : 'blob'
        assert.deepEqual(link, asLogin(inPrivate(descriptor.digest, kind)))
        assert.deepEqual(others, [])
      }
      await cluster.origin.close()
      await pull(one)
    })

    it('is not given to clients that may not have what the login can have', async () => {
      const node = await cluster.addNode('one', { login: LOGIN })
      await pull(node)
      await assert.rejects(pull(node, 'anonymous'), UpstreamDeniedError)
      await assert.rejects(node.fetcher.openBlob(inPrivate()), UpstreamDeniedError)
      await assert.rejects(node.fetcher.statBlob(inPrivate()), UpstreamDeniedError)
      await assert.rejects(node.fetcher.getManifest(inPrivate(manifest(), 'manifest')), UpstreamDeniedError)
      // The record of the tag is still there for those who may have it.
      await cluster.origin.close()
      await pull(node)
    })

    it('is given to everybody once upstream has given it to anybody', async () => {
      const node = await cluster.addNode('one', { login: LOGIN })
      cluster.origin.add(REPOSITORY, image, { tag: 'latest' })
      const latest = { upstream: UPSTREAM, repository: REPOSITORY, tag: 'latest' }
      await node.fetcher.resolveTag(asLogin(latest))
      await node.fetcher.resolveTag(latest)
      await readAll(await node.fetcher.openBlob(asLogin(refTo(layer()))))
      await readAll(await node.fetcher.openBlob(refTo(layer())))
      await cluster.origin.close()
      assert.equal((await node.fetcher.resolveTag(latest)).digest, manifest())
      assert.equal((await node.fetcher.resolveTag(asLogin(latest))).digest, manifest())
      await readAll(await node.fetcher.openBlob(refTo(layer())))
    })

    it('is looked up on disk again after a while, so that a purge counts', async () => {
      const clock = new ManualClock()
      const node = await cluster.addNode('one', { login: LOGIN, fetcherClock: clock })
      await pull(node)
      await node.links.remove(inPrivate())
      await cluster.origin.close()
      await readAll(await node.fetcher.openBlob(asLogin(inPrivate())))
      clock.advance(KNOWN_FOR_MS + 1)
      await assert.rejects(node.fetcher.openBlob(asLogin(inPrivate())), ContentUnavailableError)
    })
  })

  describe('between members that have proven a secret', () => {
    beforeEach(() => create())

    it('lets a node without a login have what its client may have, for no request upstream', async () => {
      const one = await cluster.addNode('one', { login: LOGIN })
      await pull(one)
      const two = await cluster.addNode('two')
      await whenHolderKnown(two, layer())
      await cluster.origin.close()
      const blob = await two.fetcher.openBlob(asLogin(inPrivate()))
      assert.equal(blob.source, 'site')
      assert.deepEqual(await readAll(blob), image.layers[0]!.bytes)
    })

    it('takes the 404 that a lead without a login gets of a tag for no answer to who has one', async () => {
      const tag = { ...{ upstream: UPSTREAM, repository: PRIVATE, tag: 'latest' }, access: 'login' } as const
      const members = [await cluster.addNode('one'), await cluster.addNode('two')] as const
      const order = rankByRendezvous(
        tagKey(tag),
        members.map(({ network }) => network.self.peer),
      )
      const [lead, other] = order[0] === members[0].network.self.peer ? members : members.toReversed()
      cluster.origin.script({ match: { kind: 'manifest' }, action: { type: 'status', status: 404 } })
      const request = { from: other.network.self, leadScope: 'site' } as const
      const ask = (ref: TagRef) =>
        lead.fetcher.provider.findTag({ ...request, ref }, { signal: new AbortController().signal })
      await assert.rejects(ask(tag), ContentUnavailableError)
      await assert.rejects(ask({ ...tag, access: 'anonymous' }), UpstreamNotFoundError)
    })

    it('gives nothing private to a node that asks for a client without rights', async () => {
      const one = await cluster.addNode('one', { login: LOGIN })
      await pull(one)
      const two = await cluster.addNode('two')
      await whenHolderKnown(two, layer())
      await assert.rejects(two.fetcher.openBlob(inPrivate()), UpstreamDeniedError)
      await assert.rejects(two.fetcher.statBlob(inPrivate()), UpstreamDeniedError)
      const latest = { upstream: UPSTREAM, repository: PRIVATE, tag: 'latest' }
      await cluster.origin.close()
      await assert.rejects(two.fetcher.resolveTag(latest), ContentUnavailableError)
      assert.equal((await two.fetcher.resolveTag(asLogin(latest))).digest, manifest())
    })

    it('shares the bytes of one repository with clients of another, and asks upstream once whether it may', async () => {
      const one = await cluster.addNode('one', { login: LOGIN })
      await pull(one)
      cluster.origin.add(REPOSITORY, image, { tag: 'latest' })
      const two = await cluster.addNode('two')
      await whenHolderKnown(two, layer())
      const bytes = cluster.origin.account().blobBytes
      assert.equal((await two.fetcher.openBlob(refTo(layer()))).source, 'site')
      await until(async () => two.fetcher.fills === 0)
      assert.equal(cluster.origin.account().blobBytes, bytes)
    })
  })

  describe('between members that have proven nothing', () => {
    beforeEach(() => create({ authenticated: false }))

    it('keeps private content to each node, and shares what anybody may have', async () => {
      const one = await cluster.addNode('one', { login: LOGIN })
      await pull(one)
      const two = await cluster.addNode('two', { login: LOGIN })
      await whenHolderKnown(two, layer())
      await readAll(await two.fetcher.openBlob(asLogin(inPrivate())))
      assert.equal(two.fetcher.fetchedBytes('site'), 0)
      const [second] = image.layers.slice(1)
      cluster.origin.add(REPOSITORY, image, { tag: 'latest' })
      const blob = await two.fetcher.openBlob(refTo(second!.descriptor.digest))
      assert.equal(blob.source, 'site')
      assert.deepEqual(await readAll(blob), second!.bytes)
    })

    it('does not take the word of a peer for what upstream has in a repository', async () => {
      const node = await cluster.addNode('one', { login: LOGIN })
      await pull(node)
      // It has made a manifest that refers to a layer that it does not have.
      const platform = { os: 'linux', architecture: 'riscv64' }
      const forged = await buildImage({ seed: 1, layerBytes: [1000, 2000], platform })
      const { descriptor, bytes } = forged.manifest
      await cluster.addScriptedPeer('liar', descriptor, async () =>
        providedPieces(piecesOf(bytes, MiB), { pieceBytes: MiB }),
      )
      await whenHolderKnown(node, descriptor.digest)
      await assert.rejects(
        node.fetcher.getManifest(refTo(descriptor.digest, 'manifest')),
        UpstreamNotFoundError,
      )
      await assert.rejects(node.fetcher.openBlob(refTo(layer())), UpstreamNotFoundError)
    })

    it('believes nobody who says that upstream has confirmed something', async () => {
      const node = await cluster.addNode('one', { login: LOGIN })
      await pull(node)
      const from = node.network.self
      const signal = new AbortController().signal
      const provide = (ref: ContentRef) =>
        node.fetcher.provider.provide({ ref, from, isConfirmed: true }, { signal })
      await assert.rejects(provide(asLogin(inPrivate())), UpstreamDeniedError)
      await assert.rejects(provide(refTo(layer())), UpstreamNotFoundError)
      const latest = { upstream: UPSTREAM, repository: PRIVATE, tag: 'latest' }
      assert.equal(await node.fetcher.provider.findTag({ ref: asLogin(latest), from }, { signal }), undefined)
    })
  })
})
