import assert from 'node:assert/strict'
import { silentLog } from '@layermesh/interface'
import { systemDisk } from '../src/disk.ts'
import { PausedFills } from '../src/paused-fills.ts'
import { planPurge, type StoreSelection } from '../src/purge-plan.ts'
import { listStoredImages } from '../src/stored-images.ts'
import { createIndexedImages, named, type IndexedImages } from './support/indexed-images.ts'

const repositories = {
  nginx: { upstream: 'docker.io', repository: 'library/nginx' },
  app: { upstream: 'ghcr.io', repository: 'org/app' },
  pinned: { upstream: 'ghcr.io', repository: 'org/pinned' },
}

describe('planPurge', () => {
  let store: IndexedImages

  beforeEach(async () => {
    store = await createIndexedImages()
    await store.add('nginx', 1, {
      lastUsedAtMs: 10,
      references: [
        ['base', 'layer'],
        ['web', 'layer'],
      ],
    })
    await store.add('app', 2, {
      lastUsedAtMs: 20,
      references: [
        ['base', 'layer'],
        ['code', 'layer'],
      ],
    })
    await store.add('pinned', 4, { lastUsedAtMs: 5, references: [['kept', 'layer']] })
    for (const [name, sizeBytes] of [
      ['base', 100],
      ['web', 200],
      ['code', 400],
      ['kept', 800],
    ] as const) {
      await store.add(name, sizeBytes)
    }
    await store.add('loose', 1600, { lastUsedAtMs: 15 })
  })
  afterEach(() => store[Symbol.asyncDispose]())

  function plan(selection: StoreSelection) {
    const { index } = store
    const images = listStoredImages({
      index,
      links: Object.entries(repositories).map(([name, ref]) => ({
        ...ref,
        kind: 'manifest',
        digest: named(name),
      })),
      tags: [
        {
          ...repositories.nginx,
          tag: 'latest',
          digest: named('nginx'),
          mediaType: '',
          sizeBytes: 0,
          confirmedAtMs: 0,
        },
      ],
      pins: [{ ...repositories.pinned, digest: named('pinned'), pinnedAtMs: 0 }],
    })
    const paused = new PausedFills({ disk: systemDisk, log: silentLog })
    const result = planPurge(images, { index, paused, protectedBlobs: new Set() }, selection)
    return {
      images: result.images.map(({ repository }) => repository),
      pinned: result.pinnedImages.map(({ repository }) => repository),
      blobs: new Set(result.blobs),
      bytes: result.bytes,
      shared: new Set(result.sharedBlobs),
      sharedBytes: result.sharedBytes,
    }
  }
  const set = (...names: string[]) => new Set(names.map(named))
  const nothing = { images: [], pinned: [], blobs: set(), bytes: 0, shared: set(), sharedBytes: 0 }

  it('takes an image by its tag or digest, and leaves what others share', () => {
    const expected = {
      ...{ images: ['library/nginx'], pinned: [], blobs: set('nginx', 'web'), bytes: 201 },
      ...{ shared: set('base'), sharedBytes: 100 },
    }
    assert.deepEqual(plan({ kind: 'image', image: { ...repositories.nginx, tag: 'latest' } }), expected)
    assert.deepEqual(
      plan({ kind: 'image', image: { ...repositories.nginx, digest: named('nginx') } }),
      expected,
    )
    assert.deepEqual(plan({ kind: 'repository', repository: repositories.nginx }), expected)
    assert.deepEqual(plan({ kind: 'upstream', upstream: 'docker.io' }), expected)
  })

  it('takes nothing for a name that nothing has', () => {
    assert.deepEqual(plan({ kind: 'image', image: { ...repositories.nginx, tag: 'other' } }), nothing)
    assert.deepEqual(plan({ kind: 'image', image: { ...repositories.app, tag: 'latest' } }), nothing)
    assert.deepEqual(plan({ kind: 'upstream', upstream: 'quay.io' }), nothing)
  })

  it('leaves pinned images, and says so', () => {
    assert.deepEqual(plan({ kind: 'repository', repository: repositories.pinned }), {
      ...nothing,
      pinned: ['org/pinned'],
    })
  })

  it('takes what is unused, loose blobs too', () => {
    assert.deepEqual(plan({ kind: 'unused', usedBeforeMs: 16 }), {
      ...{
        images: ['library/nginx'],
        pinned: ['org/pinned'],
        blobs: set('nginx', 'web', 'loose'),
        bytes: 1801,
      },
      ...{ shared: set('base'), sharedBytes: 100 },
    })
  })

  it('takes everything but what is pinned', () => {
    assert.deepEqual(plan({ kind: 'all' }), {
      images: ['library/nginx', 'org/app'],
      pinned: ['org/pinned'],
      blobs: set('nginx', 'web', 'app', 'base', 'code', 'loose'),
      bytes: 2303,
      shared: set(),
      sharedBytes: 0,
    })
  })
})
