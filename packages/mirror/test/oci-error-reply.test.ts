import assert from 'node:assert/strict'
import { ManualClock } from '@layermesh/testkit'
import {
  BlobCorruptError,
  BlobNotFoundError,
  ContentUnavailableError,
  DigestInvalidError,
  FillWriteError,
  ManifestInvalidError,
  PeerUnreachableError,
  UpstreamDeniedError,
  UpstreamNotFoundError,
  UpstreamProtocolError,
  UpstreamRateLimitedError,
  UpstreamUnreachableError,
} from '@layermesh/interface'
import { digestOf } from '@layermesh/oci'
import { startMirror, type MirrorFixture } from './support/mirror-fixture.ts'

const SECRET = 'https://cdn.example/x?signature=secret'
const digest = digestOf(Buffer.from('x'))

describe('error replies', () => {
  let fixture: MirrorFixture

  beforeEach(async () => {
    fixture = await startMirror()
  })

  afterEach(() => fixture[Symbol.asyncDispose]())

  for (const [failure, level] of [
    [new UpstreamNotFoundError(SECRET), 'debug'],
    [new ContentUnavailableError(SECRET, { cause: new PeerUnreachableError('gone') }), 'warn'],
    [new UpstreamDeniedError(SECRET), 'warn'],
    [new UpstreamUnreachableError(SECRET), 'warn'],
    [new UpstreamProtocolError(SECRET), 'warn'],
    [new BlobNotFoundError(digest), 'warn'],
    [new BlobCorruptError(digest, SECRET), 'warn'],
    [new FillWriteError(SECRET), 'warn'],
    [new ManifestInvalidError(SECRET), 'warn'],
    [new DigestInvalidError(SECRET), 'warn'],
    [new Error(SECRET), 'error'],
  ] as const) {
    for (const [kind, path, code] of [
      ['manifest', '/v2/a/b/manifests/latest', 'MANIFEST_UNKNOWN'],
      ['blob', `/v2/a/b/blobs/${digest}`, 'BLOB_UNKNOWN'],
    ] as const) {
      it(`turn ${failure.name} into 404 ${code}, and only the log says why`, async () => {
        fixture.content.failure = failure
        const { status, headers, body } = await fixture.get(path)
        assert.equal(status, 404)
        assert.equal(headers['content-type'], 'application/json')
        assert.match(
          body.toString(),
          new RegExp(`^\\{"errors":\\[\\{"code":"${code}","message":"[^"]+"\\}\\]\\}$`),
        )
        assert.doesNotMatch(body.toString(), /secret/)
        const line = await fixture.log.whenLogged('pull refused')
        assert.equal(line.level, level)
        assert.equal(line.fields['err'], failure)
        assert.equal(line.fields['status'], 404)
        assert.equal(line.fields['reference'], kind === 'blob' ? digest : 'latest')
      })
    }
  }

  it('answer HEAD with the status and no body', async () => {
    fixture.content.failure = new ContentUnavailableError('no source')
    const { status, body } = await fixture.head('/v2/a/b/manifests/latest')
    assert.equal(status, 404)
    assert.equal(body.byteLength, 0)
  })

  it('pass on that upstream limits us, with the time in whole seconds', async () => {
    fixture.content.failure = new UpstreamRateLimitedError('upstream said 429', 1500)
    const { status, headers, body } = await fixture.get('/v2/a/b/manifests/latest')
    assert.equal(status, 429)
    assert.equal(headers['retry-after'], '2')
    assert.match(body.toString(), /"TOOMANYREQUESTS"/)
  })

  it('name no time when upstream named none', async () => {
    fixture.content.failure = new UpstreamRateLimitedError('upstream said 429', undefined)
    const { status, headers } = await fixture.get(`/v2/a/b/blobs/${digest}`)
    assert.equal(status, 429)
    assert.equal(headers['retry-after'], undefined)
  })
})

describe('deadlines', () => {
  for (const [kind, path, timeoutMs] of [
    ['manifest', '/v2/a/b/manifests/latest', 10_000],
    ['blob', `/v2/a/b/blobs/${digest}`, 20_000],
  ] as const) {
    it(`send a client to its registry when no ${kind} has come in ${timeoutMs} ms`, async () => {
      const clock = new ManualClock()
      const asked = Promise.withResolvers<AbortSignal>()
      const never = async (_ref: unknown, options?: { signal?: AbortSignal }) => {
        const { promise, reject } = Promise.withResolvers<never>()
        options!.signal!.addEventListener('abort', () => reject(options!.signal!.reason as Error))
        asked.resolve(options!.signal!)
        return promise
      }
      const content = { resolveTag: never, getManifest: never, statBlob: never, openBlob: never }
      await using fixture = await startMirror({ clock, content })
      const reply = fixture.get(path)
      const signal = await asked.promise
      clock.advance(timeoutMs - 1)
      assert.equal(signal.aborted, false)
      clock.advance(1)
      assert.equal((await reply).status, 404)
      const line = await fixture.log.whenLogged('pull refused')
      assert.equal(line.level, 'warn')
      assert.equal((line.fields['err'] as ContentUnavailableError).code, 'ERR_CONTENT_UNAVAILABLE')
    })
  }
})
