import assert from 'node:assert/strict'
import { ContentUnavailableError } from '@layermesh/interface'
import { digestOf } from '@layermesh/oci'
import { ManualClock } from '@layermesh/testkit'
import { CutBlobs, CUT_MS } from '../src/cut-blobs.ts'
import { startMirror, type MirrorFixture } from './support/mirror-fixture.ts'
import { patternBytes } from './support/pattern-bytes.ts'
import { RawClient } from './support/raw-client.ts'

const SIZE_BYTES = 1024 * 1024
const CUT_AT = SIZE_BYTES / 2
const bytes = patternBytes(SIZE_BYTES)

describe('CutBlobs', () => {
  it('remembers a thousand blobs, those that were cut last', () => {
    const cutBlobs = new CutBlobs()
    const digests = Array.from({ length: 1001 }, (_, index) => digestOf(Buffer.from(String(index))))
    for (const digest of digests) cutBlobs.note(digest, 0)
    assert.deepEqual(
      digests.filter((digest) => !cutBlobs.has(digest, 1)),
      digests.slice(0, 1),
    )
  })

  describe('after a reply that no source could go on with', () => {
    let clock: ManualClock
    let fixture: MirrorFixture
    let path: string

    beforeEach(async () => {
      clock = new ManualClock()
      fixture = await startMirror({ clock })
      fixture.content.source = 'upstream'
      path = `/v2/a/b/blobs/${fixture.content.addBlob(bytes)}`
      fixture.content.onRead = async (offset) => {
        if (offset === CUT_AT) throw new ContentUnavailableError('every source failed')
      }
      using client = await RawClient.connect(fixture.port)
      client.request('GET', path)
      assert.ok((await client.whenCut()) > 0)
      fixture.content.onRead = async () => {}
    })

    afterEach(() => fixture[Symbol.asyncDispose]())

    for (const range of [`bytes=${CUT_AT}-`, 'bytes=1-', 'bytes=-10', 'bytes=5-6,9-']) {
      it(`answers 404 to Range: ${range} for a minute`, async () => {
        assert.equal((await fixture.get(path, { range })).status, 404)
        clock.advance(CUT_MS - 1)
        assert.equal((await fixture.get(path, { range })).status, 404)
        clock.advance(1)
        assert.equal((await fixture.get(path, { range })).status, 206)
      })
    }

    it('begins again from the start for whoever wants the whole', async () => {
      assert.equal((await fixture.get(path)).status, 200)
      assert.equal((await fixture.get(path, { range: 'bytes=0-' })).status, 206)
    })

    it('goes on from the disk once the blob is there', async () => {
      fixture.content.source = 'cache'
      const { status, body } = await fixture.get(path, { range: `bytes=${CUT_AT}-` })
      assert.equal(status, 206)
      assert.ok(body.equals(bytes.subarray(CUT_AT)))
    })

    it('is about that blob alone', async () => {
      const other = fixture.content.addBlob(patternBytes(1000))
      assert.equal((await fixture.get(`/v2/a/b/blobs/${other}`, { range: 'bytes=5-' })).status, 206)
    })
  })

  it('is not what a client that hangs up leaves behind', async () => {
    await using fixture = await startMirror()
    fixture.content.source = 'upstream'
    const path = `/v2/a/b/blobs/${fixture.content.addBlob(patternBytes(8 * SIZE_BYTES))}`
    const client = await RawClient.connect(fixture.port)
    client.request('GET', path)
    await client.whenReceived(/\r\n\r\n[^]/)
    client.socket.destroy()
    await fixture.log.whenLogged('client hung up')
    assert.equal((await fixture.get(path, { range: 'bytes=5-' })).status, 206)
  })
})
