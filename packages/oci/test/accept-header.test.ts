import assert from 'node:assert/strict'
import {
  acceptsManifest,
  DOCKER_MANIFEST,
  DOCKER_MANIFEST_LIST,
  OCI_INDEX,
  OCI_MANIFEST,
} from '@layermesh/oci'

const SCHEMA1 = 'application/vnd.docker.distribution.manifest.v1+prettyjws'

describe('acceptsManifest', () => {
  for (const [header, mediaType, expected] of [
    [undefined, OCI_INDEX, true],
    ['', OCI_INDEX, true],
    ['*/*', OCI_INDEX, true],
    ['application/json', OCI_INDEX, true],
    [`${DOCKER_MANIFEST}, application/*;q=0.5`, OCI_INDEX, true],
    [`${DOCKER_MANIFEST}, ${DOCKER_MANIFEST_LIST}`, OCI_INDEX, true],
    [DOCKER_MANIFEST, OCI_MANIFEST, true],
    [DOCKER_MANIFEST, 'application/vnd.example+json', true],
    [DOCKER_MANIFEST, OCI_INDEX, false],
    [`${OCI_MANIFEST.toUpperCase()};q=0.9, ${SCHEMA1}`, DOCKER_MANIFEST_LIST, false],
  ] as const) {
    it(`is ${String(expected)} for an ${mediaType} and Accept: ${String(header)}`, () => {
      assert.equal(acceptsManifest(header, mediaType), expected)
    })
  }
})
