import assert from 'node:assert/strict'

import { buildImage, buildIndex, type BuiltImage, type BuiltIndex } from '@layermesh/testkit'

import { type Evidence, isImage, outcomeOf } from './cell.ts'

const NONE = { requests: 0, succeeded: 0, bytes: 0 }
const REFUSED = { requests: 3, succeeded: 0, bytes: 0 }
const GIVEN = { requests: 3, succeeded: 3, bytes: 1000 }

describe('outcomeOf', () => {
  const cases: [string, Evidence, string][] = [
    ['all from the mirror', { scenario: 'tag', mirror: GIVEN, registry: NONE }, 'ok through mirror'],
    ['a registry that refused', { scenario: 'tag', mirror: GIVEN, registry: REFUSED }, 'ok through mirror'],
    ['some from each', { scenario: 'cut', mirror: GIVEN, registry: GIVEN }, 'ok, fell back'],
    ['nothing from the mirror', { scenario: 'private', mirror: REFUSED, registry: GIVEN }, 'ok, fell back'],
    ['no mirror', { scenario: 'stopped', mirror: NONE, registry: GIVEN }, 'ok, fell back'],
    [
      'a mirror that was not asked',
      { scenario: 'tag', mirror: NONE, registry: GIVEN },
      'ok, around the mirror',
    ],
    [
      'private content from the mirror',
      { scenario: 'private', mirror: GIVEN, registry: GIVEN },
      'private content given away',
    ],
    [
      'private content from the mirror for a client that failed',
      { scenario: 'private', mirror: GIVEN, registry: NONE, error: 'no' },
      'private content given away',
    ],
    ['a client that failed', { scenario: 'cut', mirror: GIVEN, registry: NONE, error: 'no' }, 'failed'],
  ]
  for (const [what, evidence, outcome] of cases) {
    it(`calls ${what} "${outcome}"`, () => {
      assert.equal(outcomeOf(evidence), outcome)
    })
  }
})

describe('isImage', () => {
  let image: BuiltImage
  let index: BuiltIndex

  before(async () => {
    image = await buildImage({ seed: 1, layerBytes: [100] })
    const platform = { os: 'linux', architecture: 'arm64' }
    index = buildIndex([image, await buildImage({ seed: 2, layerBytes: [100], platform })])
  })

  it('is true for everything of one platform, whatever there is beside it', () => {
    const digests = [index.manifest.descriptor.digest, ...image.contents.keys(), 'sha256:other']
    assert.ok(isImage(new Set(digests), index))
    assert.ok(!isImage(new Set(digests.slice(1)), index))
  })

  it('is true for the names of the image and of its config', () => {
    assert.ok(isImage(new Set([index.manifest.descriptor.digest]), index))
    assert.ok(isImage(new Set([image.manifest.descriptor.digest, image.config.descriptor.digest]), index))
    assert.ok(!isImage(new Set([image.manifest.descriptor.digest, 'sha256:other']), index))
  })

  it('is false for nothing', () => {
    assert.ok(!isImage(new Set(), index))
  })
})
