import assert from 'node:assert/strict'

import { buildImage, type BuiltImage, until } from '@layermesh/testkit'

import {
  readAll,
  REPOSITORY,
  TestCluster,
  type TestNode,
  type TestNodeInit,
  UPSTREAM,
} from './support/test-cluster.ts'

const MiB = 1024 * 1024

describe('cache rules', () => {
  let cluster: TestCluster
  let image: BuiltImage

  before(async () => {
    image = await buildImage({ seed: 3, layerBytes: [5 * MiB, 1000], compression: 'none' })
  })

  beforeEach(async () => {
    cluster = await TestCluster.create()
    for (const tag of ['v1', 'dev-1']) cluster.origin.add(REPOSITORY, image, { tag })
    cluster.origin.add('team/other', image, { tag: 'v1' })
  })
  afterEach(() => cluster[Symbol.asyncDispose]())

  async function pull({ fetcher }: TestNode, tag: string, repository = REPOSITORY): Promise<void> {
    const where = { upstream: UPSTREAM, repository }
    const { digest } = await fetcher.resolveTag({ ...where, tag })
    await fetcher.getManifest({ ...where, kind: 'manifest', digest })
    for (const { descriptor, bytes } of [image.config, ...image.layers]) {
      const blob = await fetcher.openBlob({ ...where, kind: 'blob', digest: descriptor.digest })
      assert.deepEqual(await readAll(blob), bytes)
    }
    await until(async () => fetcher.fills === 0)
  }

  const parts = () => ({
    manifest: image.manifest.descriptor,
    config: image.config.descriptor,
    large: image.layers[0]!.descriptor,
    small: image.layers[1]!.descriptor,
  })
  const heldBy = async ({ storage }: TestNode) => {
    const held: string[] = []
    for (const [name, { digest }] of Object.entries(parts())) {
      if ((await storage.blobs.stat(digest)) !== undefined) held.push(name)
    }
    return held
  }
  const withRules = (...rules: NonNullable<TestNodeInit['rules']>) => cluster.addNode('one', { rules })

  it('skip nothing where there are none', async () => {
    const node = await withRules()
    await pull(node, 'v1')
    assert.deepEqual(await heldBy(node), ['manifest', 'config', 'large', 'small'])
  })

  it('skip what is larger, which streams through all the same', async () => {
    const node = await withRules({ largerThanBytes: MiB, action: 'skip' })
    await pull(node, 'v1')
    assert.deepEqual(await heldBy(node), ['manifest', 'config', 'small'])
    const bytes = cluster.origin.account().blobBytes
    await pull(node, 'v1')
    assert.equal(cluster.origin.account().blobBytes, bytes + parts().large.sizeBytes)
  })

  it('skip an image by its tag, with all that belongs to it', async () => {
    const node = await withRules({ tag: /^dev-/u, action: 'skip' })
    await pull(node, 'dev-1')
    assert.deepEqual(await heldBy(node), [])
    await pull(node, 'v1')
    assert.deepEqual(await heldBy(node), ['manifest', 'config', 'large', 'small'])
  })

  it('skip by media type', async () => {
    const node = await withRules({ mediaType: /\.layer\./u, action: 'skip' })
    await pull(node, 'v1')
    assert.deepEqual(await heldBy(node), ['manifest', 'config'])
  })

  it('skip by upstream and repository, but for what an earlier rule keeps', async () => {
    const node = await withRules(
      { repository: /^team\//u, smallerThanBytes: 2000, action: 'keep' },
      { upstream: UPSTREAM, repository: /^team\//u, action: 'skip' },
    )
    await pull(node, 'v1', 'team/other')
    const small = Object.entries(parts()).filter(([, { sizeBytes }]) => sizeBytes < 2000)
    assert.deepEqual(
      await heldBy(node),
      small.map(([name]) => name),
    )
    await pull(node, 'v1')
    assert.deepEqual(await heldBy(node), ['manifest', 'config', 'large', 'small'])
  })

  it('serve several clients at once what is skipped', async () => {
    const node = await withRules({ action: 'skip' })
    await Promise.all(Array.from({ length: 4 }, () => pull(node, 'v1')))
    assert.deepEqual(await heldBy(node), [])
  })
})
