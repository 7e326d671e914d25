import assert from 'node:assert/strict'

import { buildImage, buildIndex, pullImage, startOrigin, uniqueBytesOf } from '../src/index.ts'

describe('pullImage', () => {
  it('receives every content of an index once, and says how much that was', async () => {
    await using origin = await startOrigin()
    const index = buildIndex([
      await buildImage({ seed: 1, layerBytes: [70_000, 3_000] }),
      await buildImage({ seed: 2, layerBytes: [500], platform: { os: 'linux', architecture: 'arm64' } }),
    ])
    origin.add('library/pulled', index, { tag: 'latest' })
    let counted = 0
    const result = await pullImage({
      url: origin.url,
      repository: 'library/pulled',
      reference: 'latest',
      onBytes: (count) => (counted += count),
    })
    assert.equal(result.digest, index.manifest.descriptor.digest)
    assert.deepEqual(new Set(result.digests), new Set(index.contents.keys()))
    assert.equal(result.bytes, uniqueBytesOf(index))
    assert.equal(counted, origin.account().blobBytes)
  })

  it('leaves out blobs that the client has', async () => {
    await using origin = await startOrigin()
    const image = await buildImage({ seed: 4, layerBytes: [10_000, 300] })
    origin.add('library/pulled', image, { tag: 'latest' })
    const [base, top] = image.layers.map(({ descriptor }) => descriptor)
    const known = new Set([base!.digest])
    const result = await pullImage({
      url: origin.url,
      repository: 'library/pulled',
      reference: 'latest',
      known,
    })
    assert.equal(result.bytes, uniqueBytesOf(image) - base!.sizeBytes)
    assert.ok(result.digests.includes(top!.digest) && !result.digests.includes(base!.digest))
    assert.equal(origin.account().byDigest[base!.digest], undefined)
  })

  it('rejects content with a wrong digest', async () => {
    await using origin = await startOrigin()
    const image = await buildImage({ seed: 3, layerBytes: [10_000] })
    origin.add('library/pulled', image, { tag: 'latest' })
    origin.script({ match: { kind: 'blob' }, action: { type: 'corrupt', offset: 5 } })
    const pull = pullImage({ url: origin.url, repository: 'library/pulled', reference: 'latest' })
    await assert.rejects(pull, /has sent sha256:.* for sha256:/)
  })

  it('rejects a status other than 200', async () => {
    await using origin = await startOrigin()
    const pull = pullImage({ url: origin.url, repository: 'library/missing', reference: 'latest' })
    await assert.rejects(pull, /was answered 404/)
  })
})
