import assert from 'node:assert/strict'

import type { Digest, Locality } from '@layermesh/interface'
import { buildImage, type BuiltImage, until } from '@layermesh/testkit'

import { readAll, refTo, REPOSITORY, TestCluster, type TestNode, UPSTREAM } from './support/test-cluster.ts'

const LATEST = { upstream: UPSTREAM, repository: REPOSITORY, tag: 'latest' }
const MINUTE_MS = 60_000
const PARIS = { region: 'eu', site: 'paris' }
const LYON = { region: 'eu', site: 'lyon' }
const AUSTIN = { region: 'us', site: 'austin' }
const BOSTON = { region: 'us', site: 'boston' }
const TOKYO = { region: 'ap', site: 'tokyo' }

describe('disaster', () => {
  let cluster: TestCluster
  let image: BuiltImage
  let other: BuiltImage

  before(async () => {
    image = await buildImage({ seed: 51, layerBytes: [300_000, 2_000_000] })
    other = await buildImage({ seed: 52, layerBytes: [400_000] })
  })

  beforeEach(async () => {
    cluster = await TestCluster.create()
    cluster.origin.add(REPOSITORY, image, { tag: 'latest' })
  })

  afterEach(async () => {
    await cluster[Symbol.asyncDispose]()
  })

  /** Resolves the tag and gets all that it points to. */
  async function pull(node: TestNode, expected = image): Promise<void> {
    const { digest } = await node.fetcher.resolveTag(LATEST)
    assert.equal(digest, expected.manifest.descriptor.digest)
    const { bytes } = await node.fetcher.getManifest(refTo(digest, 'manifest'))
    assert.deepEqual(Buffer.from(bytes), Buffer.from(expected.manifest.bytes))
    for (const { descriptor, bytes: content } of [expected.config, ...expected.layers]) {
      assert.deepEqual(await readAll(await node.fetcher.openBlob(refTo(descriptor.digest))), content)
    }
  }

  const digestsOf = ({ contents }: BuiltImage): readonly Digest[] => [...contents.keys()]
  const whenKnown = (node: TestNode, expected = image) =>
    until(async () => digestsOf(expected).every((digest) => node.directory.holders(digest).length > 0))

  for (const sources of [
    ['site', 'region', 'world', 'upstream'],
    ['site', 'region', 'upstream', 'world'],
  ] as const) {
    it(`of upstream: what one region holds is pulled by tag in all others, with ${sources.join(', ')}`, async () => {
      const add = (name: string, locality: Locality) => cluster.addNode(name, { locality, sources })
      await pull(await add('one', PARIS))
      const others = [await add('two', LYON), await add('three', AUSTIN), await add('four', TOKYO)]
      await Promise.all(others.map((node) => whenKnown(node)))
      await cluster.origin.close()
      cluster.advanceWallClock(MINUTE_MS)
      await Promise.all(others.map((node) => pull(node)))
    })
  }

  it('of a region: it goes on by itself while it is cut off, and is part of the whole again when that is over', async () => {
    const here = [
      await cluster.addNode('one', { locality: PARIS }),
      await cluster.addNode('two', { locality: LYON }),
    ]
    const there = [
      await cluster.addNode('three', { locality: AUSTIN }),
      await cluster.addNode('four', { locality: BOSTON }),
    ]
    const [one, two] = here
    const [three, four] = there
    assert.ok(one && two && three && four)
    await pull(one)
    await pull(three)
    cluster.partition(here, there)
    // What was there goes on to be pulled on both sides, and what is new costs one copy on each.
    await Promise.all([pull(two), pull(four)])
    cluster.origin.add(REPOSITORY, other, { tag: 'latest' })
    cluster.advanceWallClock(MINUTE_MS)
    await Promise.all([pull(one, other), pull(three, other)])
    cluster.partition()
    await Promise.all([whenKnown(two, other), whenKnown(four, other)])
    const layer = other.layers[0]?.descriptor.digest
    assert.ok(layer !== undefined)
    for (const node of [one, two, three, four]) {
      await until(async () => node.directory.holders(layer).length > 0)
    }
    const before = cluster.origin.account().blobBytes
    await Promise.all([pull(two, other), pull(four, other)])
    assert.equal(cluster.origin.account().blobBytes, before)
  })
})
