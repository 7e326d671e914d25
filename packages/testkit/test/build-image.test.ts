import assert from 'node:assert/strict'
import { digestOf } from '@layermesh/oci'
import {
  buildImage,
  layerSpecsOf,
  uniqueBytesOf,
  type BuiltContent,
  type ImageSpec,
} from '@layermesh/testkit'

const SPEC: ImageSpec = { seed: 1, layerBytes: [3000, 2000, 1000] }

function json({ bytes }: BuiltContent): unknown {
  return JSON.parse(Buffer.from(bytes).toString())
}

function descriptorOf({ descriptor }: BuiltContent) {
  return { mediaType: descriptor.mediaType, digest: descriptor.digest, size: descriptor.sizeBytes }
}

describe('buildImage', () => {
  it('builds the same image for the same spec', async () => {
    const [first, second] = await Promise.all([buildImage(SPEC), buildImage(SPEC)])
    assert.equal(first.manifest.descriptor.digest, second.manifest.descriptor.digest)
    assert.equal(
      first.manifest.descriptor.digest,
      'sha256:500c1defa60e5008b0d7da5cc6572ecdcfba143975884be23a883b3fcd7f546a',
    )
  })

  it('builds another image for another seed, sharing nothing', async () => {
    const [first, second] = await Promise.all([buildImage(SPEC), buildImage({ ...SPEC, seed: 2 })])
    assert.deepEqual(
      first.contents
        .keys()
        .filter((digest) => second.contents.has(digest))
        .toArray(),
      [],
    )
  })

  it('writes a manifest that describes its config and layers from the bottom up', async () => {
    const image = await buildImage(SPEC)
    assert.deepEqual(json(image.manifest), {
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      config: descriptorOf(image.config),
      layers: image.layers.map(descriptorOf),
    })
    assert.equal(image.manifest.descriptor.mediaType, 'application/vnd.oci.image.manifest.v1+json')
    assert.equal(image.config.descriptor.mediaType, 'application/vnd.oci.image.config.v1+json')
    assert.equal(image.layers[0]?.descriptor.mediaType, 'application/vnd.oci.image.layer.v1.tar+gzip')
  })

  it('writes a config with the platform and the diff ids of the layers from the bottom up', async () => {
    const image = await buildImage({ ...SPEC, platform: { os: 'linux', architecture: 'arm64' } })
    const config = json(image.config) as Record<string, unknown>
    assert.deepEqual([config['os'], config['architecture']], ['linux', 'arm64'])
    assert.deepEqual(config['rootfs'], { type: 'layers', diff_ids: image.layers.map(({ diffId }) => diffId) })
  })

  it('speaks of itself in the media types of Docker when told to', async () => {
    const image = await buildImage({ ...SPEC, format: 'docker', compression: 'none' })
    assert.equal(image.manifest.descriptor.mediaType, 'application/vnd.docker.distribution.manifest.v2+json')
    assert.equal(image.config.descriptor.mediaType, 'application/vnd.docker.container.image.v1+json')
    assert.equal(image.layers[0]?.descriptor.mediaType, 'application/vnd.docker.image.rootfs.diff.tar')
  })

  it('holds all its contents under their digests, and with their sizes', async () => {
    const image = await buildImage(SPEC)
    assert.equal(image.contents.size, 5)
    for (const [digest, { descriptor, bytes }] of image.contents) {
      assert.deepEqual([digest, descriptor.digest], [digestOf(bytes), digestOf(bytes)])
      assert.equal(descriptor.sizeBytes, bytes.length)
    }
  })

  it('puts shared layers below its own', async () => {
    const first = await buildImage(SPEC)
    const shared = layerSpecsOf(SPEC).slice(0, 2)
    const second = await buildImage({ seed: 2, layerBytes: [500], sharedLayers: shared })
    const digests = second.layers.map(({ descriptor }) => descriptor.digest)
    assert.deepEqual(
      digests.slice(0, 2),
      first.layers.slice(0, 2).map(({ descriptor }) => descriptor.digest),
    )
    assert.equal(digests.length, 3)
  })
})

describe('uniqueBytesOf', () => {
  it('counts a layer once that an image lists twice', async () => {
    const layer = { seed: 'twice', sizeBytes: 4000 }
    const once = await buildImage({ seed: 1, layerBytes: [], sharedLayers: [layer] })
    const twice = await buildImage({ seed: 1, layerBytes: [], sharedLayers: [layer, layer] })
    const small = (image: typeof once) => image.manifest.bytes.length + image.config.bytes.length
    assert.equal(uniqueBytesOf(twice) - small(twice), uniqueBytesOf(once) - small(once))
  })
})
