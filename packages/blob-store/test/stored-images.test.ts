import assert from 'node:assert/strict'
import type { ContentRef, TagRecord, TagRef } from '@layermesh/interface'
import { listStoredImages, type ImageFacts } from '../src/stored-images.ts'
import { createIndexedImages, named, type IndexedImages } from './support/indexed-images.ts'

const NGINX = { upstream: 'docker.io', repository: 'library/nginx' }
const APP = { upstream: 'ghcr.io', repository: 'org/app' }

const link = (repository: typeof NGINX, name: string): ContentRef => ({
  ...repository,
  kind: 'manifest',
  digest: named(name),
})
const tag = (repository: typeof NGINX, name: string, to: string): TagRef & TagRecord => ({
  ...{ ...repository, tag: name, digest: named(to) },
  ...{ mediaType: '', sizeBytes: 0, confirmedAtMs: 0 },
})

describe('listStoredImages', () => {
  let store: IndexedImages
  const list = (facts: Partial<ImageFacts>) =>
    listStoredImages({ index: store.index, links: [], tags: [], pins: [], ...facts })

  beforeEach(async () => {
    store = await createIndexedImages()
    await store.add('index', 10, {
      lastUsedAtMs: 3,
      references: [
        ['amd64', 'manifest', 'linux/amd64'],
        ['arm64', 'manifest', 'linux/arm64/v8'],
        ['attestation', 'manifest', 'unknown/unknown'],
      ],
    })
    await store.add('amd64', 20, {
      lastUsedAtMs: 7,
      references: [
        ['config', 'config'],
        ['base', 'layer'],
        ['top', 'layer'],
      ],
    })
    await store.add('config', 1, { lastUsedAtMs: 9 })
    await store.add('base', 1000)
    await store.add('top', 300)
  })
  afterEach(() => store[Symbol.asyncDispose]())

  it('is an index with its tags, and not the images in it', () => {
    const links = [link(NGINX, 'index'), link(NGINX, 'amd64')]
    const tags = [tag(NGINX, 'latest', 'index'), tag(NGINX, '1.27', 'index'), tag(NGINX, 'gone', 'elsewhere')]
    assert.deepEqual(list({ links, tags }), [
      {
        ...NGINX,
        tags: ['1.27', 'latest'],
        digest: named('index'),
        mediaType: 'type of index',
        platforms: ['linux/amd64'],
        blobs: ['index', 'amd64', 'config', 'base', 'top'].map(named),
        sizeBytes: 1331,
        ownBytes: 1331,
        complete: true,
        pinned: false,
        lastUsedAtMs: 7,
      },
    ])
  })

  it('is a child of an index too when a tag points to it', () => {
    const images = list({
      links: [link(NGINX, 'index'), link(NGINX, 'amd64')],
      tags: [tag(NGINX, 'amd64-only', 'amd64')],
    })
    assert.deepEqual(
      images.map(({ digest, tags, ownBytes }) => [digest, tags, ownBytes]),
      [
        [named('amd64'), ['amd64-only'], 0],
        [named('index'), [], 10],
      ],
    )
  })

  it('counts what two images share as own to neither', async () => {
    await store.add('app', 5, { references: [['base', 'layer']] })
    const images = list({ links: [link(NGINX, 'index'), link(APP, 'app')] })
    assert.deepEqual(
      images.map(({ repository, sizeBytes, ownBytes }) => [repository, sizeBytes, ownBytes]),
      [
        ['library/nginx', 1331, 331],
        ['org/app', 1005, 5],
      ],
    )
  })

  it('is one image in each repository that has it', async () => {
    await store.index.remove(named('index'))
    const images = list({ links: [link(NGINX, 'amd64'), link(APP, 'amd64')] })
    assert.deepEqual(
      images.map(({ upstream, ownBytes }) => [upstream, ownBytes]),
      [
        ['docker.io', 0],
        ['ghcr.io', 0],
      ],
    )
  })

  it('is incomplete when a blob of each platform is missing, and has no platforms then', async () => {
    await store.index.remove(named('top'))
    const [image] = list({ links: [link(NGINX, 'index')] })
    assert.deepEqual([image!.complete, image!.platforms, image!.sizeBytes], [false, [], 1031])
  })

  it('has no name when nothing tells where it came from', () => {
    assert.deepEqual(
      list({}).map(({ upstream, repository, digest }) => [upstream, repository, digest]),
      [['', '', named('index')]],
    )
  })

  it('is pinned by a tag that it has, and by its digest', () => {
    const facts = { links: [link(NGINX, 'index')], tags: [tag(NGINX, 'latest', 'index')] }
    const isPinned = (pin: object) =>
      list({ ...facts, pins: [{ ...NGINX, tag: 'latest', pinnedAtMs: 0, ...pin }] })[0]!.pinned
    assert.equal(isPinned({}), true)
    assert.equal(isPinned({ tag: 'other' }), false)
    assert.equal(isPinned({ tag: undefined, digest: named('index') }), true)
    assert.equal(isPinned({ tag: undefined, digest: named('amd64') }), false)
    assert.equal(isPinned({ repository: 'library/other' }), false)
  })
})
