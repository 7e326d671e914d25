import assert from 'node:assert/strict'

import { buildImage, uniqueBytesOf } from '@layermesh/testkit'

import { imageChain } from '../../bench/harness/workload/image-chain.ts'

const SIZE_BYTES = 400_000

describe('imageChain', () => {
  it('makes the same images for the same seed, of about the wanted size', async () => {
    const [first] = imageChain({ seed: 5, sizeBytes: SIZE_BYTES, compressiblePart: 0.9, versions: 1 })
    const [again] = imageChain({ seed: 5, sizeBytes: SIZE_BYTES, compressiblePart: 0.9, versions: 2 })
    assert.ok(first)
    assert.deepEqual(again, first)
    const bytes = uniqueBytesOf(await buildImage(first))
    assert.ok(bytes > 0.9 * SIZE_BYTES && bytes < 1.1 * SIZE_BYTES, `${bytes} bytes`)
  })

  it('has layers that compress as much as was asked for, with gzip below and zstd above', async () => {
    for (const compressiblePart of [0, 0.9]) {
      const [spec] = imageChain({ seed: 5, sizeBytes: SIZE_BYTES, compressiblePart, versions: 1 })
      assert.ok(spec?.sharedLayers)
      const { layers } = await buildImage(spec)
      const inFiles = spec.sharedLayers.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
      const pulled = layers.reduce((sum, { descriptor }) => sum + descriptor.sizeBytes, 0)
      const [expected = 0, tolerance = 0] = compressiblePart === 0 ? [1, 0.1] : [2.6, 0.3]
      assert.ok(Math.abs(inFiles / pulled - expected) < tolerance, `${inFiles / pulled}`)
      const endings = layers.map(({ descriptor }) => descriptor.mediaType.replace(/^.*\+/, ''))
      assert.deepEqual([endings[0], endings.at(-1)], ['gzip', 'zstd'])
    }
  })

  it('shares the layers below with the next version, and no others', () => {
    const [first, second] = imageChain({ seed: 5, sizeBytes: SIZE_BYTES, compressiblePart: 0.9, versions: 2 })
    const seeds = (spec: typeof first) => new Set(spec?.sharedLayers?.map(({ seed }) => seed))
    const both = seeds(first).intersection(seeds(second))
    assert.ok(both.size > 0)
    assert.ok(both.size < seeds(first).size && both.size < seeds(second).size)
  })
})
