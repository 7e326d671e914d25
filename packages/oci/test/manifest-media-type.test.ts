import assert from 'node:assert/strict'
import fc from 'fast-check'
import { LayermeshError } from '@layermesh/interface'
import {
  DOCKER_MANIFEST,
  DOCKER_MANIFEST_LIST,
  manifestMediaType,
  MAX_MANIFEST_BYTES,
  OCI_INDEX,
  OCI_MANIFEST,
} from '@layermesh/oci'

const json = (value: unknown) => Buffer.from(JSON.stringify(value))
const VENDOR = 'application/vnd.example.thing.v1+json'

describe('manifestMediaType', () => {
  for (const [title, body, contentType, expected] of [
    ['the body, which agrees', { mediaType: OCI_INDEX }, OCI_INDEX, OCI_INDEX],
    ['the body when Content-Type differs', { mediaType: OCI_INDEX }, DOCKER_MANIFEST_LIST, OCI_INDEX],
    ['the body when Content-Type says nothing', { mediaType: VENDOR }, 'text/plain', VENDOR],
    ['Content-Type when the body says nothing', { config: {}, layers: [] }, DOCKER_MANIFEST, DOCKER_MANIFEST],
    ['Content-Type without its parameters', { manifests: [] }, `${OCI_INDEX}; charset=utf-8`, OCI_INDEX],
    ['Content-Type in its usual spelling', { manifests: [] }, OCI_INDEX.toUpperCase(), OCI_INDEX],
    ['Content-Type of a vendor', { anything: 1 }, VENDOR, VENDOR],
    ['the shape of an index', { manifests: [] }, 'application/json', OCI_INDEX],
    ['the shape of an image', { config: {}, layers: [] }, undefined, OCI_MANIFEST],
    ['the shape when Content-Type is none', { manifests: [] }, 'a b\r\nc: d', OCI_INDEX],
  ] as const) {
    it(`is that of ${title}`, () => {
      assert.equal(manifestMediaType(json({ schemaVersion: 2, ...body }), contentType), expected)
    })
  }

  for (const [title, bytes] of [
    ['schema 1', json({ schemaVersion: 1, fsLayers: [] })],
    ['no JSON', Buffer.from('<html>')],
    ['no bytes', Buffer.alloc(0)],
    ['a list', json([])],
    ['null', json(null)],
    ['bytes that are no UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])],
    ['an unknown shape', json({ schemaVersion: 2, layers: [] })],
    ['both shapes at once', json({ manifests: [], config: {}, layers: [] })],
    ['a mediaType that is no text', json({ mediaType: 5, manifests: [] })],
    ['a mediaType that would break out of a header', json({ mediaType: 'a/b\r\nx: y' })],
    ['more bytes than a manifest may have', Buffer.alloc(MAX_MANIFEST_BYTES + 1, ' ')],
  ] as const) {
    it(`throws ERR_MANIFEST_INVALID for ${title}`, () => {
      assert.throws(() => manifestMediaType(bytes), { code: 'ERR_MANIFEST_INVALID' })
    })
  }

  it('takes a manifest of the largest size', () => {
    const bytes = Buffer.alloc(MAX_MANIFEST_BYTES, ' ')
    bytes.write('{"manifests":[]}')
    assert.equal(manifestMediaType(bytes), OCI_INDEX)
  })

  it('throws nothing but its own errors', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.json().map((text) => Buffer.from(text)),
          fc.uint8Array(),
        ),
        fc.string(),
        (bytes, contentType) => {
          try {
            assert.match(manifestMediaType(bytes, contentType), /^[\x21-\x7e]+$/)
          } catch (error) {
            assert.ok(error instanceof LayermeshError, String(error))
          }
        },
      ),
    )
  })
})
