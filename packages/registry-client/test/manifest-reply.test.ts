import assert from 'node:assert/strict'
import { BlobCorruptError, ManifestInvalidError, UpstreamProtocolError } from '@layermesh/interface'
import { digestOf, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST } from '@layermesh/oci'
import { describeManifest, verifyManifest } from '../src/manifest-reply.ts'
import { replyHead } from './support/reply-head.ts'

const BYTES = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: [] }))
const DIGEST = digestOf(BYTES)
const SHA512 = digestOf(BYTES, 'sha512')

describe('describeManifest', () => {
  const headers = { 'docker-content-digest': DIGEST, 'content-type': OCI_INDEX, 'content-length': '123' }
  const describeHead = (changes: Record<string, string | undefined>, reference = 'latest') =>
    describeManifest(replyHead(200, { ...headers, ...changes }), reference)

  it('reads digest, type and size', () => {
    assert.deepEqual(describeHead({}), { digest: DIGEST, mediaType: OCI_INDEX, sizeBytes: 123 })
  })

  it('ignores parameters and case of the type', () => {
    const mediaType = describeHead({
      'content-type': `${DOCKER_MANIFEST.toUpperCase()}; charset=utf-8`,
    })?.mediaType
    assert.equal(mediaType, DOCKER_MANIFEST)
  })

  it('keeps the algorithm of the digest', () => {
    assert.equal(describeHead({ 'docker-content-digest': SHA512 })?.digest, SHA512)
  })

  it('is undefined without a digest', () => {
    assert.equal(describeHead({ 'docker-content-digest': undefined }), undefined)
  })

  it('is undefined without a size', () => {
    assert.equal(describeHead({ 'content-length': undefined }), undefined)
  })

  it('is undefined without a type, or with one that is no manifest', () => {
    for (const type of [undefined, '', 'text/plain', 'application/json']) {
      assert.equal(describeHead({ 'content-type': type }), undefined)
    }
  })

  it('needs no digest from upstream when it was asked by digest', () => {
    assert.equal(describeHead({ 'docker-content-digest': undefined }, DIGEST)?.digest, DIGEST)
    assert.equal(describeHead({ 'docker-content-digest': DIGEST }, SHA512)?.digest, SHA512)
  })

  it('throws ERR_UPSTREAM_PROTOCOL for a malformed digest', () => {
    for (const digest of ['latest', 'sha256:abc', `sha384:${'0'.repeat(96)}`]) {
      assert.throws(() => describeHead({ 'docker-content-digest': digest }), UpstreamProtocolError)
    }
  })
})

describe('verifyManifest', () => {
  const verify = (reference: string, headers: Record<string, string> = {}, bytes: Uint8Array = BYTES) =>
    verifyManifest(replyHead(200, headers), reference, bytes)

  it('describes what was asked for by digest', () => {
    const expected = { mediaType: OCI_INDEX, sizeBytes: BYTES.length, bytes: BYTES }
    assert.deepEqual(verify(DIGEST), { digest: DIGEST, ...expected })
    assert.deepEqual(verify(SHA512), { digest: SHA512, ...expected })
  })

  it('names a tag by sha256 when upstream names no digest', () => {
    assert.equal(verify('latest').digest, DIGEST)
  })

  it('keeps the algorithm of the digest that upstream names', () => {
    assert.equal(verify('latest', { 'docker-content-digest': SHA512 }).digest, SHA512)
  })

  it('throws ERR_UPSTREAM_PROTOCOL when the bytes have another digest than the one asked for', () => {
    assert.throws(
      () => verify(digestOf(Buffer.from('other'))),
      (error) => error instanceof UpstreamProtocolError && error.cause instanceof BlobCorruptError,
    )
  })

  it('throws ERR_UPSTREAM_PROTOCOL when the bytes have another digest than the one named', () => {
    const headers = { 'docker-content-digest': digestOf(Buffer.from('other')) }
    assert.throws(() => verify('latest', headers), UpstreamProtocolError)
    assert.throws(() => verify('latest', { 'docker-content-digest': 'nonsense' }), UpstreamProtocolError)
  })

  it('derives the type from the body when upstream says nothing of use', () => {
    const image = Buffer.from(JSON.stringify({ schemaVersion: 2, config: {}, layers: [] }))
    assert.equal(verify('latest', { 'content-type': 'text/plain' }, image).mediaType, OCI_MANIFEST)
    assert.equal(
      verify('latest', { 'content-type': `${DOCKER_MANIFEST};q=1` }, image).mediaType,
      DOCKER_MANIFEST,
    )
  })

  it('throws ERR_UPSTREAM_PROTOCOL for schema 1 and for what is no manifest', () => {
    for (const text of ['{"schemaVersion":1}', '<html>', '{}']) {
      assert.throws(
        () => verify('latest', {}, Buffer.from(text)),
        (error) => error instanceof UpstreamProtocolError && error.cause instanceof ManifestInvalidError,
      )
    }
  })
})
