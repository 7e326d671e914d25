import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  UpstreamDeniedError,
  UpstreamNotFoundError,
  UpstreamRateLimitedError,
  UpstreamUnreachableError,
} from '@layermesh/interface'
import { createTempDir } from '@layermesh/testkit'
import {
  BLOB_MISSING_MS,
  DENIED_MS,
  MANIFEST_MISSING_MS,
  MAX_REFUSALS,
  RefusalMemory,
} from '../src/refusal-memory.ts'
import { CHECK_EVERY_MS } from '../src/watched-file.ts'
import { AS_LOGIN, drive, HOST, REF, startFixture, TAG } from './support/client-fixture.ts'

const MANIFEST = { kind: 'manifest', repository: 'library/app', reference: TAG, loginId: undefined } as const
const BLOB = { ...MANIFEST, kind: 'blob' } as const

describe('RefusalMemory', () => {
  const cases = [
    ['a manifest that is missing', MANIFEST, new UpstreamNotFoundError('404'), MANIFEST_MISSING_MS],
    ['a blob that is missing', BLOB, new UpstreamNotFoundError('404'), BLOB_MISSING_MS],
    ['what is denied', BLOB, new UpstreamDeniedError('403'), DENIED_MS],
  ] as const
  for (const [what, request, error, lifetimeMs] of cases) {
    it(`remembers ${what} for ${lifetimeMs} ms, as the same error`, () => {
      const memory = new RefusalMemory()
      assert.equal(memory.note(request, error, 1000), lifetimeMs)
      const again = memory.find(request, 1000 + lifetimeMs - 1)
      assert.ok(again !== undefined)
      assert.equal(again.code, error.code)
      assert.equal(again.message, `${error.message} a moment ago`)
      assert.equal(memory.find(request, 1000 + lifetimeMs), undefined)
    })
  }

  it('remembers nothing that may pass by itself', () => {
    const memory = new RefusalMemory()
    assert.equal(memory.note(MANIFEST, new UpstreamUnreachableError('503'), 0), undefined)
    memory.note(MANIFEST, new UpstreamRateLimitedError('429', 1000), 0)
    memory.note(MANIFEST, new Error('gone'), 0)
    assert.equal(memory.find(MANIFEST, 0), undefined)
  })

  it('goes on with what was said before the start, until its time is over', () => {
    const memory = new RefusalMemory()
    memory.restore(BLOB, new UpstreamNotFoundError('404'), 700)
    assert.equal(memory.find(BLOB, 699)?.code, 'ERR_UPSTREAM_NOT_FOUND')
    assert.equal(memory.find(MANIFEST, 699), undefined)
    assert.equal(memory.find(BLOB, 700), undefined)
  })

  it('tells kinds, repositories, references and logins apart', () => {
    const memory = new RefusalMemory()
    memory.note(MANIFEST, new UpstreamDeniedError('403'), 0)
    for (const other of [
      BLOB,
      { ...MANIFEST, repository: 'library/other' },
      { ...MANIFEST, reference: 'other' },
      { ...MANIFEST, loginId: 'mine' },
    ]) {
      assert.equal(memory.find(other, 0), undefined)
    }
  })

  it('forgets the oldest when there are too many', () => {
    const memory = new RefusalMemory()
    const requests = Array.from({ length: MAX_REFUSALS + 1 }, (_, index) => ({
      ...MANIFEST,
      reference: `tag-${index}`,
    }))
    for (const request of requests) memory.note(request, new UpstreamNotFoundError('404'), 0)
    const [oldest = MANIFEST, second = MANIFEST] = requests
    assert.equal(memory.find(oldest, 0), undefined)
    assert.notEqual(memory.find(second, 0), undefined)
  })
})

describe('an upstream that has refused something', () => {
  it('is not asked for it again before the time is over', async () => {
    await using fixture = await startFixture()
    const { client, clock, origin, image } = fixture
    for (let call = 0; call < 3; call += 1) {
      await assert.rejects(client.headManifest(REF, 'new'), UpstreamNotFoundError)
      await assert.rejects(client.getManifest(REF, 'new'), UpstreamNotFoundError)
    }
    assert.equal(origin.requests.length, 1)
    origin.add(REF.repository, image, { tag: 'new' })
    clock.advance(MANIFEST_MISSING_MS)
    assert.ok((await client.headManifest(REF, 'new')) !== undefined)
  })

  it('is asked again for a blob sooner than for a manifest', async () => {
    await using fixture = await startFixture()
    const { client, clock, origin, image, blob } = fixture
    const { digest } = blob.descriptor
    origin.remove(REF.repository, digest)
    for (let call = 0; call < 3; call += 1) {
      await assert.rejects(client.headBlob(REF, digest), UpstreamNotFoundError)
      await assert.rejects(client.getContent({ ...REF, kind: 'blob', digest }, 0), UpstreamNotFoundError)
    }
    assert.equal(origin.requests.length, 1)
    origin.add(REF.repository, image)
    clock.advance(BLOB_MISSING_MS)
    assert.equal((await client.headBlob(REF, digest)).sizeBytes, blob.bytes.length)
  })

  it('is asked at once for what it could not be asked for before', async () => {
    await using fixture = await startFixture()
    const { client, clock, origin } = fixture
    const fault = origin.script({ match: {}, action: { type: 'status', status: 503 } })
    await assert.rejects(drive(clock, client.headManifest(REF, TAG)), UpstreamUnreachableError)
    fault[Symbol.dispose]()
    assert.ok((await client.headManifest(REF, TAG)) !== undefined)
  })

  it('is asked at once with another login', async () => {
    await using folder = await createTempDir()
    const dockerConfig = join(folder.path, 'config.json')
    const writeLogin = (password: string) =>
      writeFile(dockerConfig, JSON.stringify({ auths: { [HOST]: { username: 'me', password } } }))
    await writeLogin('not the right one')
    await using fixture = await startFixture({
      auth: 'basic',
      login: { username: 'me', password: 'right' },
      upstream: { credentials: { dockerConfig } },
    })
    const { client, clock, origin } = fixture
    await assert.rejects(client.headManifest(AS_LOGIN, TAG), UpstreamDeniedError)
    const asked = origin.requests.length
    await assert.rejects(client.headManifest(AS_LOGIN, TAG), UpstreamDeniedError)
    assert.equal(origin.requests.length, asked)
    await writeLogin('right')
    clock.advance(CHECK_EVERY_MS)
    assert.ok((await client.headManifest(AS_LOGIN, TAG)) !== undefined)
  })
})
