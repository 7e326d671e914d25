import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type CacheRule, silentLog } from '@layermesh/interface'
import { createMetrics } from '@layermesh/telemetry'
import { buildImage, type BuiltArtifact, createTempDir, ManualClock, type TempDir } from '@layermesh/testkit'
import { PULL_LEASE_MS } from '../src/pull-leases.ts'
import { openStorage, type Storage } from '../src/index.ts'

const KiB = 1024

describe('images that a rule pins', () => {
  let dir: TempDir
  let storage: Storage | undefined

  beforeEach(async () => {
    dir = await createTempDir()
  })
  afterEach(async () => {
    await storage?.close()
    storage = undefined
    await dir[Symbol.asyncDispose]()
  })

  async function put(
    blobs: Storage['blobs'],
    bytes: Uint8Array,
    digest: BuiltArtifact['manifest']['descriptor']['digest'],
  ) {
    const fill = await blobs.startFill(digest, bytes.length)
    await fill.write(0, bytes)
    await fill.commit()
  }

  /** Stores images of about 300 KiB each, one after the other, where there is room for two or three. */
  async function storeAll(rules: readonly CacheRule[], repositories: readonly string[]) {
    const clock = new ManualClock()
    storage = await openStorage(
      { log: silentLog, clock, metrics: createMetrics() },
      { dataDir: join(dir.path, 'data'), limits: { maxBytes: 1000 * KiB, minFreeBytes: 0 }, rules },
    )
    const { blobs, links, tags } = storage
    const images = []
    for (const [seed, repository] of repositories.entries()) {
      const image = await buildImage({ seed, layerBytes: [300 * KiB], compression: 'none' })
      const where = { upstream: 'docker.io', repository }
      for (const { descriptor, bytes } of image.contents.values()) {
        const { digest } = descriptor
        await put(blobs, bytes, digest)
        const kind = digest === image.manifest.descriptor.digest ? 'manifest' : 'blob'
        await links.put({ ...where, kind, digest })
      }
      await tags.put({ ...where, tag: 'v1' }, { ...image.manifest.descriptor, confirmedAtMs: seed })
      images.push(image)
      // Its image is no longer being pulled.
      clock.advance(2 * PULL_LEASE_MS)
    }
    const held = await Promise.all(
      images.map(async ({ layers }) => (await blobs.stat(layers[0]!.descriptor.digest)) !== undefined),
    )
    return repositories.filter((_, index) => held[index])
  }

  const REPOSITORIES = ['team/base', 'a', 'b', 'c', 'd', 'e', 'f']

  it('go like others where no rule pins them', async () => {
    assert.ok(!(await storeAll([{ action: 'keep' }], REPOSITORIES)).includes('team/base'))
  })

  for (const rule of [
    { repository: /^team\//u },
    { upstream: 'docker.io', repository: /^team\//u, tag: /^v\d$/u },
    { repository: /^team\//u, mediaType: /manifest/u },
  ]) {
    it(`stay with all their blobs: ${Object.keys(rule).join(', ')}`, async () => {
      const held = await storeAll([{ ...rule, action: 'pin' }], REPOSITORIES)
      assert.ok(held.includes('team/base'))
      assert.ok(held.length < REPOSITORIES.length)
    })
  }

  it('go like others where an earlier rule holds, or the tag is another', async () => {
    const pin = { repository: /^team\//u, action: 'pin' } as const
    const earlier = { tag: /^v1$/u, action: 'keep' } as const
    assert.ok(!(await storeAll([earlier, pin], REPOSITORIES)).includes('team/base'))
  })
})
