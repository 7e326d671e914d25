import assert from 'node:assert/strict'

import { buildImage, uniqueBytesOf } from '@layermesh/testkit'

import { imageChain } from '../../bench/harness/workload/image-chain.ts'

const SIZE_BYTES = 400_000

describe('imageChain', () => {
  it('makes the same images for the same seed, of about the wanted size', async () => {
    const [first] = imageChain({ seed: 5, sizeBytes: SIZE_BYTES, versions: 1 })
    const [again] = imageChain({ seed: 5, sizeBytes: SIZE_BYTES, versions: 2 })
    assert.ok(first)
    assert.deepEqual(again, first)
    // Tar rounds up: a kilobyte or two for each layer.
    const bytes = uniqueBytesOf(await buildImage(first))
    assert.ok(bytes >= SIZE_BYTES && bytes < 1.2 * SIZE_BYTES, `${bytes} bytes`)
  })

  it('shares the layers below with the next version, and no others', () => {
    const [first, second] = imageChain({ seed: 5, sizeBytes: SIZE_BYTES, versions: 2 })
    const seeds = (spec: typeof first) => new Set(spec?.sharedLayers?.map(({ seed }) => seed))
    const both = seeds(first).intersection(seeds(second))
    assert.ok(both.size > 0)
    assert.ok(both.size < seeds(first).size && both.size < seeds(second).size)
  })
})
