import assert from 'node:assert/strict'

import { ContentUnavailableError, UpstreamDeniedError, UpstreamNotFoundError } from '@layermesh/interface'
import { buildImage, type BuiltImage, ManualClock, until } from '@layermesh/testkit'

import { PATIENCE_MS, TROUBLE_PAUSE_MS } from '../src/tag-resolver.ts'
import { REPOSITORY, TestCluster, UPSTREAM } from './support/test-cluster.ts'

const MINUTE_MS = 60_000
const LATEST = { upstream: UPSTREAM, repository: REPOSITORY, tag: 'latest' }

describe('TagResolver', () => {
  let cluster: TestCluster
  let first: BuiltImage
  let second: BuiltImage

  before(async () => {
    first = await buildImage({ seed: 1, layerBytes: [100] })
    second = await buildImage({ seed: 2, layerBytes: [100] })
  })

  beforeEach(async () => {
    cluster = await TestCluster.create()
    cluster.origin.add(REPOSITORY, first, { tag: 'latest' })
  })

  afterEach(async () => {
    await cluster[Symbol.asyncDispose]()
  })

  const heads = () => cluster.origin.requests.filter(({ method }) => method === 'HEAD').length

  it('asks upstream by HEAD, once in a window, whoever asks', async () => {
    const { fetcher } = await cluster.addNode('one')
    const answers = await Promise.all(Array.from({ length: 10 }, () => fetcher.resolveTag(LATEST)))
    for (const answer of answers) {
      assert.deepEqual(answer, { ...first.manifest.descriptor, stale: false, source: 'upstream' })
    }
    const again = await fetcher.resolveTag(LATEST)
    assert.deepEqual(again, { ...first.manifest.descriptor, stale: false, source: 'cache' })
    assert.equal(heads(), 1)
  })

  it('sees a tag that has moved once the window is over', async () => {
    const { fetcher } = await cluster.addNode('one')
    await fetcher.resolveTag(LATEST)
    cluster.origin.add(REPOSITORY, second, { tag: 'latest' })
    assert.equal((await fetcher.resolveTag(LATEST)).digest, first.manifest.descriptor.digest)
    cluster.advanceWallClock(MINUTE_MS)
    assert.equal((await fetcher.resolveTag(LATEST)).digest, second.manifest.descriptor.digest)
  })

  it('gets the manifest itself, and keeps it, when upstream does not name the digest', async () => {
    cluster.origin.script({
      match: { method: 'HEAD' },
      action: { type: 'omitHeaders', names: ['docker-content-digest'] },
    })
    const { fetcher, storage } = await cluster.addNode('one')
    const { descriptor } = first.manifest
    assert.equal((await fetcher.resolveTag(LATEST)).digest, descriptor.digest)
    assert.notEqual(await storage.blobs.stat(descriptor.digest), undefined)
    assert.equal(fetcher.fetchedBytes('upstream'), descriptor.sizeBytes)
  })

  for (const status of [500, 503, 429]) {
    it(`uses the last record when upstream answers ${status}, as long as it may`, async () => {
      const { fetcher } = await cluster.addNode('one', { serveStaleForMs: 5 * MINUTE_MS })
      await fetcher.resolveTag(LATEST)
      cluster.origin.script({ match: { kind: 'manifest' }, action: { type: 'status', status } })
      cluster.advanceWallClock(5 * MINUTE_MS)
      const stale = await fetcher.resolveTag(LATEST)
      assert.deepEqual(stale, { ...first.manifest.descriptor, stale: true, source: 'cache' })
      cluster.advanceWallClock(MINUTE_MS)
      const code = status === 429 ? 'ERR_UPSTREAM_RATE_LIMITED' : 'ERR_CONTENT_UNAVAILABLE'
      await assert.rejects(fetcher.resolveTag(LATEST), { code })
    })
  }

  it('believes upstream that a tag is gone, and forgets it', async () => {
    const { fetcher, storage } = await cluster.addNode('one')
    await fetcher.resolveTag(LATEST)
    cluster.origin.remove(REPOSITORY, 'latest')
    cluster.advanceWallClock(MINUTE_MS)
    await assert.rejects(fetcher.resolveTag(LATEST), UpstreamNotFoundError)
    assert.equal(await storage.tags.find(LATEST), undefined)
  })

  it('never uses a record against a refusal of upstream', async () => {
    const { fetcher } = await cluster.addNode('one')
    await fetcher.resolveTag(LATEST)
    cluster.origin.script({ match: { kind: 'manifest' }, action: { type: 'status', status: 403 } })
    cluster.advanceWallClock(MINUTE_MS)
    await assert.rejects(fetcher.resolveTag(LATEST), UpstreamDeniedError)
  })

  it('tells what upstream said also when nothing can be stored', async () => {
    const { fetcher, storage } = await cluster.addNode('one')
    storage.tags.put = () => Promise.reject(new Error('the disk is full'))
    assert.deepEqual(await fetcher.resolveTag(LATEST), {
      ...first.manifest.descriptor,
      stale: false,
      source: 'upstream',
    })
  })

  it('gets the manifest by digest alone, and only when the tag has moved', async () => {
    const { fetcher } = await cluster.addNode('one')
    const pull = async () => {
      const { digest } = await fetcher.resolveTag(LATEST)
      await fetcher.getManifest({ upstream: UPSTREAM, repository: REPOSITORY, kind: 'manifest', digest })
    }
    for (let window = 0; window < 3; window += 1) {
      await pull()
      cluster.advanceWallClock(MINUTE_MS)
    }
    cluster.origin.add(REPOSITORY, second, { tag: 'latest' })
    await pull()
    const gets = cluster.origin.requests.filter(({ method }) => method === 'GET')
    assert.deepEqual(
      gets.map(({ reference }) => reference),
      [first.manifest.descriptor.digest, second.manifest.descriptor.digest],
    )
    assert.equal(heads(), 4)
  })

  it('keeps to its windows after a restart', async () => {
    const one = await cluster.addNode('one')
    await one.fetcher.resolveTag(LATEST)
    await one.fetcher.stop()
    await one.storage.close()
    one.network.leave()
    const again = await cluster.addNode('one')
    assert.equal((await again.fetcher.resolveTag(LATEST)).source, 'cache')
    assert.equal(heads(), 1)
    await cluster.origin.close()
    cluster.advanceWallClock(MINUTE_MS)
    assert.equal((await again.fetcher.resolveTag(LATEST)).stale, true)
  })

  it('asks for a tag that never moves only once, whatever has become of it', async () => {
    const { fetcher } = await cluster.addNode('one', { immutable: [/^latest$/u] })
    await fetcher.resolveTag(LATEST)
    cluster.origin.remove(REPOSITORY, 'latest')
    cluster.advanceWallClock(365 * 24 * 60 * MINUTE_MS)
    const { digest, stale } = await fetcher.resolveTag(LATEST)
    assert.deepEqual([digest, stale], [first.manifest.descriptor.digest, false])
    assert.equal(heads(), 1)
  })

  describe('while upstream is in trouble', () => {
    const known = () => ({ ...first.manifest.descriptor, stale: true, source: 'cache' })
    /** A node with a record whose window is over, on a clock that stands still. */
    const nodeWithRecord = async () => {
      const clock = new ManualClock()
      const node = await cluster.addNode('one', { fetcherClock: clock })
      const confirmedAtMs = clock.now() - 2 * MINUTE_MS
      await node.storage.tags.put(LATEST, { ...first.manifest.descriptor, confirmedAtMs })
      return { ...node, clock, confirmedAtMs }
    }

    it('waits for it only so long, and notes its answer when that comes', async () => {
      const { fetcher, storage, clock, confirmedAtMs } = await nodeWithRecord()
      const hang = cluster.origin.script({ match: { kind: 'manifest' }, action: { type: 'hang' } })
      const resolving = fetcher.resolveTag(LATEST)
      await cluster.origin.waitForRequest(({ method }) => method === 'HEAD')
      clock.advance(PATIENCE_MS)
      assert.deepEqual(await resolving, known())
      hang.release()
      await until(async () => (await storage.tags.find(LATEST))?.confirmedAtMs !== confirmedAtMs)
      assert.equal((await fetcher.resolveTag(LATEST)).stale, false)
      assert.equal(heads(), 1)
    })

    it('does not ask again while an answer is still awaited', async () => {
      const { fetcher, clock } = await nodeWithRecord()
      const hang = cluster.origin.script({ match: { kind: 'manifest' }, action: { type: 'hang' } })
      const resolving = fetcher.resolveTag(LATEST)
      await cluster.origin.waitForRequest(({ method }) => method === 'HEAD')
      clock.advance(PATIENCE_MS)
      await resolving
      clock.advance(TROUBLE_PAUSE_MS)
      const again = fetcher.resolveTag(LATEST)
      hang.release()
      assert.equal((await again).stale, false)
      assert.equal(heads(), 1)
    })

    it('asks it for the same tag only from time to time', async () => {
      const { fetcher, clock } = await nodeWithRecord()
      cluster.origin.script({ match: { kind: 'manifest' }, action: { type: 'status', status: 429 } })
      for (let pull = 0; pull < 5; pull += 1) assert.deepEqual(await fetcher.resolveTag(LATEST), known())
      assert.equal(heads(), 1)
      clock.advance(TROUBLE_PAUSE_MS - 1)
      await fetcher.resolveTag(LATEST)
      assert.equal(heads(), 1)
    })

    for (const status of [500, 503, 429]) {
      it(`uses the last record when the token server answers ${status}`, async () => {
        await cluster[Symbol.asyncDispose]()
        cluster = await TestCluster.create({ auth: 'bearer' })
        const { fetcher } = await nodeWithRecord()
        cluster.origin.script({ match: { kind: 'token' }, action: { type: 'status', status } })
        assert.deepEqual(await fetcher.resolveTag(LATEST), known())
      })
    }

    it('never uses a record against a refusal of the token server', async () => {
      await cluster[Symbol.asyncDispose]()
      cluster = await TestCluster.create({ auth: 'bearer' })
      const { fetcher } = await nodeWithRecord()
      cluster.origin.script({ match: { kind: 'token' }, action: { type: 'status', status: 401 } })
      await assert.rejects(fetcher.resolveTag(LATEST), UpstreamDeniedError)
    })
  })

  it('does not ask again for a tag that upstream has just said is not there', async () => {
    const { fetcher } = await cluster.addNode('one')
    for (let pull = 0; pull < 3; pull += 1) {
      await assert.rejects(fetcher.resolveTag({ ...LATEST, tag: 'missing' }), UpstreamNotFoundError)
    }
    assert.equal(heads(), 1)
  })

  it('asks peers when upstream is gone and it has no record itself', async () => {
    const one = await cluster.addNode('one')
    await one.fetcher.resolveTag(LATEST)
    const two = await cluster.addNode('two', { locality: { region: 'eu', site: 'lyon' } })
    cluster.advanceWallClock(MINUTE_MS)
    await cluster.origin.close()
    const answer = await two.fetcher.resolveTag(LATEST)
    assert.deepEqual(answer, { ...first.manifest.descriptor, stale: true, source: 'region' })
  })

  it('takes the newest of several peers’ records', async () => {
    const old = await cluster.addNode('old')
    await old.fetcher.resolveTag(LATEST)
    cluster.origin.add(REPOSITORY, second, { tag: 'latest' })
    cluster.advanceWallClock(MINUTE_MS)
    const recent = await cluster.addNode('recent')
    await recent.fetcher.resolveTag(LATEST)
    const asking = await cluster.addNode('asking')
    await cluster.origin.close()
    assert.equal((await asking.fetcher.resolveTag(LATEST)).digest, second.manifest.descriptor.digest)
  })

  it('rejects with ERR_CONTENT_UNAVAILABLE when nobody knows the tag and upstream is gone', async () => {
    const { fetcher } = await cluster.addNode('one')
    await cluster.origin.close()
    await assert.rejects(fetcher.resolveTag(LATEST), ContentUnavailableError)
  })
})
