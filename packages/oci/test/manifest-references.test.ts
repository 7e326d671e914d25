import assert from 'node:assert/strict'
import { digestOf, OCI_MANIFEST, referencesOf } from '@layermesh/oci'

const json = (value: unknown) => Buffer.from(JSON.stringify(value))
const digest = digestOf(Buffer.from('x'))
const descriptor = { mediaType: OCI_MANIFEST, digest, size: 7, platform: { os: 'linux' } }
const reference = { mediaType: OCI_MANIFEST, digest, sizeBytes: 7 }

describe('referencesOf', () => {
  it('lists the children of an index', () => {
    assert.deepEqual(referencesOf(json({ manifests: [descriptor, descriptor] })), {
      manifests: [reference, reference],
      layers: [],
    })
  })

  it('names the platform of a child, with its variant if it has one', () => {
    const platforms = [
      { os: 'linux', architecture: 'amd64' },
      { os: 'linux', architecture: 'arm64', variant: 'v8' },
      { os: 7, architecture: 'amd64' },
    ]
    const { manifests } = referencesOf(
      json({ manifests: platforms.map((platform) => ({ ...descriptor, platform })) }),
    )
    assert.deepEqual(
      manifests.map(({ platform }) => platform),
      ['linux/amd64', 'linux/arm64/v8', undefined],
    )
  })

  it('tells the config of an image from its layers', () => {
    const config = { mediaType: 'application/vnd.oci.image.config.v1+json', digest, size: 1 }
    assert.deepEqual(referencesOf(json({ config, layers: [descriptor] })), {
      manifests: [],
      config: { mediaType: config.mediaType, digest, sizeBytes: 1 },
      layers: [reference],
    })
  })

  it('takes null for an empty list', () => {
    assert.deepEqual(referencesOf(json({ manifests: null })), { manifests: [], layers: [] })
  })

  for (const [title, body, code] of [
    ['a list that is none', { manifests: {} }, 'ERR_MANIFEST_INVALID'],
    ['a descriptor that is null', { manifests: [null] }, 'ERR_MANIFEST_INVALID'],
    ['a descriptor without a size', { config: { ...descriptor, size: undefined } }, 'ERR_MANIFEST_INVALID'],
    ['a negative size', { layers: [{ ...descriptor, size: -1 }] }, 'ERR_MANIFEST_INVALID'],
    ['a digest that is none', { layers: [{ ...descriptor, digest: '../x' }] }, 'ERR_DIGEST_INVALID'],
  ] as const) {
    it(`throws ${code} for ${title}`, () => {
      assert.throws(() => referencesOf(json(body)), { code })
    })
  }
})
