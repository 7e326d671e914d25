import assert from 'node:assert/strict'

import { rankByRendezvous } from '@layermesh/directory'
import {
  type Digest,
  type FetchedBlob,
  UpstreamDeniedError,
  UpstreamNotFoundError,
  UpstreamRateLimitedError,
} from '@layermesh/interface'
import { digestOf } from '@layermesh/oci'
import { buildImage, type BuiltContent, until } from '@layermesh/testkit'

import {
  collect,
  readAll,
  refTo,
  REPOSITORY,
  TestCluster,
  type TestNode,
  type TestNodeInit,
} from './support/test-cluster.ts'

const MiB = 1024 * 1024
const LAYER_MIB = 10

describe('leads', () => {
  let cluster: TestCluster
  let layer: BuiltContent
  let digest: Digest

  before(async () => {
    const [first] = (await buildImage({ seed: 5, layerBytes: [LAYER_MIB * MiB] })).layers
    assert.ok(first !== undefined)
    layer = first
    digest = layer.descriptor.digest
  })

  beforeEach(async () => {
    cluster = await TestCluster.create()
    cluster.origin.add(REPOSITORY, { manifest: layer, contents: new Map([[digest, layer]]) })
  })

  afterEach(async () => {
    await cluster[Symbol.asyncDispose]()
  })

  const blobBytes = () => cluster.origin.account().blobBytes
  const blobRequests = () => cluster.origin.requests.filter(({ kind }) => kind === 'blob')
  const stallAfter = (afterBytes: number) =>
    cluster.origin.script({ match: { kind: 'blob' }, action: { type: 'stall', afterBytes }, times: 1 })

  /** Nodes, those that come first in rendezvous order for the layer first. */
  async function addNodes(count: number, init: TestNodeInit = {}): Promise<TestNode[]> {
    const nodes: TestNode[] = []
    for (let index = 0; index < count; index += 1) nodes.push(await cluster.addNode(`node-${index}`, init))
    return ranked(nodes)
  }

  function ranked(nodes: readonly TestNode[], forDigest = digest): TestNode[] {
    const byPeer = new Map(nodes.map((node) => [node.network.self.peer, node]))
    return rankByRendezvous(forDigest, [...byPeer.keys()]).flatMap((peer) => byPeer.get(peer) ?? [])
  }

  /** What SIGKILL does to a node, as far as the others can see it. */
  async function kill(node: TestNode): Promise<void> {
    node.network.leave()
    await node.fetcher.stop()
  }

  const open = (node: TestNode) => node.fetcher.openBlob(refTo(digest))
  const readStart = (blob: FetchedBlob, bytes: number) => collect(blob.read({ start: 0, end: bytes }))

  describe('takeover', () => {
    for (const heldMiB of [1, 5, 9]) {
      it(`goes on at ${heldMiB} of ${LAYER_MIB} MiB when the lead dies there, and fetches nothing twice`, async () => {
        const [lead, ...rest] = await addNodes(5)
        assert.ok(lead !== undefined)
        const fault = stallAfter(heldMiB * MiB)
        const blobs = await Promise.all(rest.map(open))
        await Promise.all(blobs.map((blob) => readStart(blob, heldMiB * MiB)))
        assert.equal(blobRequests().length, 1)
        await kill(lead)
        fault.release()
        for (const bytes of await Promise.all(blobs.map(readAll))) assert.equal(digestOf(bytes), digest)
        assert.equal(blobBytes(), layer.bytes.length)
        assert.deepEqual(
          blobRequests().map(({ range }) => range),
          [undefined, `bytes=${heldMiB * MiB}-`],
        )
      })
    }

    it('takes from those that wait what a new lead lacks', async () => {
      const [lead, next, last] = await addNodes(3)
      assert.ok(lead !== undefined && next !== undefined && last !== undefined)
      const fault = stallAfter(6 * MiB)
      const blob = await open(last)
      await readStart(blob, 6 * MiB)
      await kill(lead)
      fault.release()
      assert.equal(digestOf(await readAll(blob)), digest)
      assert.equal(blobBytes(), layer.bytes.length)
      assert.equal(next.fetcher.fetchedBytes('site'), 6 * MiB)
      assert.equal(next.fetcher.fetchedBytes('upstream'), layer.bytes.length - 6 * MiB)
    })

    it('costs one copy over each border when the lead of a region dies', async () => {
      const far = await cluster.addNode('far', { locality: { region: 'us', site: 'austin' } })
      const places = ['paris', 'paris', 'lyon', 'lyon']
      const near: TestNode[] = []
      for (const [index, site] of places.entries()) {
        near.push(await cluster.addNode(`near-${index}`, { locality: { region: 'eu', site } }))
      }
      const [lead, ...rest] = ranked(near)
      assert.ok(lead !== undefined)
      const fault = stallAfter(5 * MiB)
      const blobs = await Promise.all([far, ...rest].map(open))
      await Promise.all(blobs.map((blob) => readStart(blob, 5 * MiB)))
      await kill(lead)
      fault.release()
      for (const bytes of await Promise.all(blobs.map(readAll))) assert.equal(digestOf(bytes), digest)
      assert.equal(blobBytes(), layer.bytes.length)
    })

    it('asks a lead again to which a stream was lost, and that is still there', async () => {
      const [lead, follower] = await addNodes(2)
      assert.ok(lead !== undefined && follower !== undefined)
      const fault = stallAfter(3 * MiB)
      const blob = await open(follower)
      await readStart(blob, 3 * MiB)
      cluster.partition([lead], [follower])
      cluster.partition()
      fault.release()
      assert.equal(digestOf(await readAll(blob)), digest)
      assert.equal(blobBytes(), layer.bytes.length)
      assert.equal(follower.fetcher.fetchedBytes('upstream'), 0)
    })

    it('leaves upstream for a nearer node as soon as that has the blob', async () => {
      const [lead, other] = await addNodes(2)
      assert.ok(lead !== undefined && other !== undefined)
      cluster.partition([lead], [other])
      const fault = stallAfter(4 * MiB)
      const blob = await open(lead)
      await readStart(blob, 4 * MiB)
      await readAll(await open(other))
      cluster.partition()
      await until(async () => lead.directory.holders(digest).length > 0)
      fault.release()
      assert.equal(digestOf(await readAll(blob)), digest)
      const fromOther = lead.fetcher.fetchedBytes('site')
      assert.ok(fromOther >= layer.bytes.length - 6 * MiB, `${fromOther} bytes came from the other`)
      assert.equal(lead.fetcher.fetchedBytes('upstream'), layer.bytes.length - fromOther)
    })
  })

  describe('refusals', () => {
    it('make the next lead fetch when the first has no rights, and are told to nobody as an answer', async () => {
      const nodes = await addNodes(4)
      const last = nodes.at(-1)
      assert.ok(last !== undefined)
      cluster.origin.script({ match: { kind: 'blob' }, action: { type: 'status', status: 403 }, times: 1 })
      assert.equal(digestOf(await readAll(await open(last))), digest)
      assert.equal(last.fetcher.fetchedBytes('upstream'), 0)
      assert.equal(nodes[1]?.fetcher.fetchedBytes('upstream'), layer.bytes.length)
    })

    it('end with what upstream says to the node itself, after few others were asked', async () => {
      const nodes = await addNodes(6)
      const last = nodes.at(-1)
      assert.ok(last !== undefined)
      cluster.origin.script({ match: { kind: 'blob' }, action: { type: 'status', status: 403 } })
      await assert.rejects(open(last), UpstreamDeniedError)
      assert.equal(blobRequests().length, 4)
    })

    it('share a 404 with all who ask', async () => {
      const nodes = await addNodes(5)
      const nowhere = refTo(digestOf(Buffer.from('nobody has this')))
      const [lead, ...rest] = ranked(nodes, nowhere.digest)
      assert.ok(lead !== undefined)
      const hang = cluster.origin.script({ match: { kind: 'blob' }, action: { type: 'hang' } })
      const opening = Promise.allSettled(rest.map((node) => node.fetcher.openBlob(nowhere)))
      await cluster.origin.waitForRequest(({ kind }) => kind === 'blob')
      await until(async () => rest.every((node) => node.fetcher.fills === 1))
      hang.release()
      for (const outcome of await opening) {
        assert.ok(outcome.status === 'rejected' && outcome.reason instanceof UpstreamNotFoundError)
      }
      assert.equal(lead.fetcher.fills, 0)
      assert.ok(blobRequests().length <= 2, `${blobRequests().length} requests`)
    })

    it('hold a 429 for everybody', async () => {
      const nodes = await addNodes(5)
      cluster.origin.script({
        match: { kind: 'blob' },
        action: { type: 'status', status: 429, headers: { 'retry-after': '600' } },
      })
      const last = nodes.at(-1)
      assert.ok(last !== undefined)
      await assert.rejects(open(last), (error) => {
        assert.ok(error instanceof UpstreamRateLimitedError)
        assert.ok(error.retryAfterMs !== undefined && error.retryAfterMs > 500_000)
        return true
      })
      for (const node of nodes) await assert.rejects(open(node), UpstreamRateLimitedError)
      assert.equal(blobRequests().length, 1)
    })

    it('send nobody upstream because the lead is full', async () => {
      const nodes = await addNodes(6, { maxTransfers: 1 })
      const all = await Promise.all(nodes.map(async (node) => readAll(await open(node))))
      for (const bytes of all) assert.equal(digestOf(bytes), digest)
      assert.equal(blobBytes(), layer.bytes.length)
    })

    it('are what a node gets that comes before the one that it asks', async () => {
      const [lead, follower] = await addNodes(2)
      assert.ok(lead !== undefined && follower !== undefined)
      const provide = (from: TestNode) =>
        follower.fetcher.provider.provide(
          { ref: refTo(digest), leadScope: 'site', from: from.network.self },
          { signal: new AbortController().signal },
        )
      await assert.rejects(provide(lead), { code: 'ERR_CONTENT_UNAVAILABLE' })
      assert.equal(blobRequests().length, 0)
    })
  })
})
