import assert from 'node:assert/strict'

import { rankByRendezvous } from '@layermesh/directory'
import { UpstreamNotFoundError, UpstreamRateLimitedError } from '@layermesh/interface'
import { buildImage, type BuiltImage } from '@layermesh/testkit'

import { tagKey } from '../src/tag-leads.ts'
import { REPOSITORY, TestCluster, type TestNode, UPSTREAM } from './support/test-cluster.ts'

const MINUTE_MS = 60_000
const LATEST = { upstream: UPSTREAM, repository: REPOSITORY, tag: 'latest' }
const PLACES = ['eu/paris', 'eu/paris', 'eu/lyon', 'us/austin', 'us/austin', 'us/boston']

describe('tags through the leads', () => {
  let cluster: TestCluster
  let image: BuiltImage
  let nodes: readonly TestNode[]

  before(async () => {
    image = await buildImage({ seed: 1, layerBytes: [100] })
  })

  beforeEach(async () => {
    cluster = await TestCluster.create()
    cluster.origin.add(REPOSITORY, image, { tag: 'latest' })
    const added: TestNode[] = []
    for (const [index, place] of PLACES.entries()) {
      const [region = '', site = ''] = place.split('/')
      added.push(await cluster.addNode(`node-${index}`, { locality: { region, site } }))
    }
    const order = rankByRendezvous(
      tagKey(LATEST),
      added.map(({ network }) => network.self.peer),
    )
    nodes = added.toSorted((a, b) => order.indexOf(a.network.self.peer) - order.indexOf(b.network.self.peer))
  })

  afterEach(async () => {
    await cluster[Symbol.asyncDispose]()
  })

  const heads = () => cluster.origin.requests.filter(({ method }) => method === 'HEAD').length
  const resolveAll = (tag = LATEST) => Promise.allSettled(nodes.map((node) => node.fetcher.resolveTag(tag)))

  it('cost upstream one HEAD in each window, however many nodes ask at once', async () => {
    for (const window of [1, 2]) {
      const answers = await Promise.all(nodes.map((node) => node.fetcher.resolveTag(LATEST)))
      for (const { digest, stale } of answers) {
        assert.equal(digest, image.manifest.descriptor.digest)
        assert.equal(stale, false)
      }
      assert.equal(heads(), window)
      cluster.advanceWallClock(MINUTE_MS)
    }
  })

  it('are asked for by the next one in order when the lead has gone', async () => {
    const [lead, ...others] = nodes
    await lead?.fetcher.resolveTag(LATEST)
    lead?.network.leave()
    cluster.advanceWallClock(MINUTE_MS)
    const answers = await Promise.all(others.map((node) => node.fetcher.resolveTag(LATEST)))
    for (const { stale } of answers) assert.equal(stale, false)
    assert.equal(heads(), 2)
  })

  it('are asked for again when the lead has no rights, and that is told to nobody as an answer', async () => {
    const last = nodes.at(-1)
    assert.ok(last !== undefined)
    cluster.origin.script({ match: { method: 'HEAD' }, action: { type: 'status', status: 403 }, times: 1 })
    assert.equal((await last.fetcher.resolveTag(LATEST)).digest, image.manifest.descriptor.digest)
    assert.equal(heads(), 2)
  })

  it('share a 404 and a 429 with all who ask', async () => {
    for (const outcome of await resolveAll({ ...LATEST, tag: 'nothing' })) {
      assert.ok(outcome.status === 'rejected' && outcome.reason instanceof UpstreamNotFoundError)
    }
    cluster.origin.script({
      match: { method: 'HEAD' },
      action: { type: 'status', status: 429, headers: { 'retry-after': '600' } },
    })
    for (const outcome of await resolveAll()) {
      assert.ok(outcome.status === 'rejected' && outcome.reason instanceof UpstreamRateLimitedError)
    }
    assert.equal(heads(), 2)
  })

  it('are not asked for by a node that comes later in order on behalf of one before it', async () => {
    const [lead, follower] = nodes
    assert.ok(lead !== undefined && follower !== undefined)
    const request = { ref: LATEST, leadScope: 'world', from: lead.network.self } as const
    const { signal } = new AbortController()
    await assert.rejects(follower.fetcher.provider.findTag(request, { signal }), {
      code: 'ERR_CONTENT_UNAVAILABLE',
    })
    assert.equal(heads(), 0)
  })
})
