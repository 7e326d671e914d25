import assert from 'node:assert/strict'
import { buildImage, buildIndex } from '@layermesh/testkit'

const PLATFORMS = [
  { os: 'linux', architecture: 'amd64' },
  { os: 'linux', architecture: 'arm64' },
]

describe('buildIndex', () => {
  it('lists the manifest of each image with its platform', async () => {
    const images = await Promise.all(
      PLATFORMS.map((platform) => buildImage({ seed: 1, layerBytes: [100], platform })),
    )
    const index = buildIndex(images)
    assert.deepEqual(JSON.parse(Buffer.from(index.manifest.bytes).toString()), {
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.index.v1+json',
      manifests: images.map(({ manifest, platform }) => ({
        mediaType: manifest.descriptor.mediaType,
        digest: manifest.descriptor.digest,
        size: manifest.bytes.length,
        platform,
      })),
    })
  })

  it('holds the contents of all its images', async () => {
    const images = await Promise.all(
      PLATFORMS.map((platform) => buildImage({ seed: 1, layerBytes: [100], platform })),
    )
    const { manifest, contents } = buildIndex(images)
    const expected = [manifest.descriptor.digest, ...images.flatMap((image) => [...image.contents.keys()])]
    assert.deepEqual(new Set(contents.keys()), new Set(expected))
    // The layer is the same on both platforms.
    assert.equal(contents.size, 6)
  })

  it('is a manifest list in the format of Docker', async () => {
    const image = await buildImage({ seed: 1, layerBytes: [100], format: 'docker' })
    const { descriptor } = buildIndex([image], 'docker').manifest
    assert.equal(descriptor.mediaType, 'application/vnd.docker.distribution.manifest.list.v2+json')
  })
})
