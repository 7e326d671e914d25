import assert from 'node:assert/strict'
import { createMetrics } from '@layermesh/telemetry'
import { openStorage, type Storage } from '@layermesh/blob-store'
import { ContentUnavailableError, silentLog, systemClock, type Digest, type Fill } from '@layermesh/interface'
import { digestOf } from '@layermesh/oci'
import { createTempDir, type TempDir } from '@layermesh/testkit'
import { startMirror, type MirrorFixture } from './support/mirror-fixture.ts'
import { patternBytes } from './support/pattern-bytes.ts'
import { RawClient } from './support/raw-client.ts'
import { StoredContent } from './support/stored-content.ts'

const SIZE_BYTES = 12 * 1024 * 1024 + 345
const HALF_BYTES = 6 * 1024 * 1024
const bytes = patternBytes(SIZE_BYTES)
const digest = digestOf(bytes)
const path = `/v2/a/b/blobs/${digest}`

describe('blobs of a store on disk', () => {
  let dir: TempDir
  let storage: Storage
  let content: StoredContent
  let fixture: MirrorFixture

  beforeEach(async () => {
    dir = await createTempDir()
    storage = await openStorage(
      { log: silentLog, clock: systemClock, metrics: createMetrics() },
      { dataDir: dir.path },
    )
    content = new StoredContent(storage.blobs)
    fixture = await startMirror({ content })
  })

  afterEach(async () => {
    await fixture[Symbol.asyncDispose]()
    await storage.close()
    await dir[Symbol.asyncDispose]()
  })

  async function startFill(asDigest: Digest): Promise<Fill> {
    content.fill = await storage.blobs.startFill(asDigest, SIZE_BYTES)
    return content.fill
  }

  async function writeTo(fill: Fill, start: number, end: number): Promise<void> {
    const pieceBytes = fill.pieceBytes
    for (let offset = start; offset < end; offset += pieceBytes) {
      await fill.write(offset, bytes.subarray(offset, Math.min(offset + pieceBytes, end)))
    }
  }

  async function store(): Promise<void> {
    const fill = await startFill(digest)
    await writeTo(fill, 0, SIZE_BYTES)
    await fill.commit()
    content.fill = undefined
  }

  it('are given whole, several at a time', async () => {
    await store()
    const replies = await Promise.all([fixture.get(path), fixture.get(path), fixture.get(path)])
    for (const { status, headers, body } of replies) {
      assert.equal(status, 200)
      assert.equal(headers['cache-status'], 'layermesh; hit')
      assert.equal(digestOf(body), digest)
    }
  })

  for (const [range, start, end] of [
    ['bytes=0-0', 0, 1],
    ['bytes=1048575-1048576', 1_048_575, 1_048_577],
    ['bytes=5000000-', 5_000_000, SIZE_BYTES],
    ['bytes=-1048577', SIZE_BYTES - 1_048_577, SIZE_BYTES],
  ] as const) {
    it(`are given in part to Range: ${range}`, async () => {
      await store()
      const { status, body } = await fixture.get(path, { range })
      assert.equal(status, 206)
      assert.ok(body.equals(bytes.subarray(start, end)))
    })
  }

  it('are followed while they are filled, whole and in part', async () => {
    const fill = await startFill(digest)
    await writeTo(fill, 0, HALF_BYTES)
    using follower = await RawClient.connect(fixture.port)
    follower.request('GET', path, 'Connection: close')
    assert.match(await follower.whenReceived(/\r\n\r\n[^]/), /^HTTP\/1.1 200 /)
    const tail = fixture.get(path, { range: `bytes=${HALF_BYTES - 10}-` })
    await writeTo(fill, HALF_BYTES, SIZE_BYTES)
    await fill.commit()
    const { status, headers, body } = await tail
    assert.equal(status, 206)
    assert.equal(headers['cache-status'], 'layermesh; fwd=miss; detail=upstream')
    assert.ok(body.equals(bytes.subarray(HALF_BYTES - 10)))
    assert.equal(await follower.whenClosed(), undefined)
    assert.equal(digestOf(Buffer.from(follower.received, 'latin1').subarray(-SIZE_BYTES)), digest)
  })

  it('are cut when the fill fails in the middle', async () => {
    const fill = await startFill(digest)
    await writeTo(fill, 0, HALF_BYTES)
    using client = await RawClient.connect(fixture.port)
    client.request('GET', path)
    await client.whenReceived(/\r\n\r\n[^]/)
    await fill.fail(new ContentUnavailableError('every source failed'))
    assert.ok((await client.whenCut()) > 0)
  })

  it('are refused with 404 when the fill fails before the bytes of the range', async () => {
    const fill = await startFill(digest)
    await writeTo(fill, 0, HALF_BYTES)
    const tail = fixture.get(path, { range: `bytes=${HALF_BYTES}-` })
    await fill.fail(new ContentUnavailableError('every source failed'))
    assert.equal((await tail).status, 404)
  })

  it('are never complete at a client when their digest is wrong', async () => {
    const wrong = digestOf(Buffer.from('something else'))
    const fill = await startFill(wrong)
    await writeTo(fill, 0, HALF_BYTES)
    using client = await RawClient.connect(fixture.port)
    client.request('GET', `/v2/a/b/blobs/${wrong}`)
    await client.whenReceived(/\r\n\r\n[^]/)
    await writeTo(fill, HALF_BYTES, SIZE_BYTES)
    await assert.rejects(fill.commit(), { code: 'ERR_BLOB_CORRUPT' })
    assert.ok((await client.whenCut()) > 0)
    const bodyBytes = client.received.length - client.received.indexOf('\r\n\r\n') - 4
    assert.ok(bodyBytes < SIZE_BYTES, String(bodyBytes))
  })
})
