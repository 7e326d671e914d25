import assert from 'node:assert/strict'
import { startMirror, type MirrorFixture, type Reply } from './support/mirror-fixture.ts'
import { patternBytes } from './support/pattern-bytes.ts'
import { RawClient } from './support/raw-client.ts'

const SIZE_BYTES = 300_000
const bytes = patternBytes(SIZE_BYTES)

interface Part {
  readonly headers: string
  readonly body: Buffer
}

/** Reads a body as RFC 2046 §5.1.1 has it, by its boundaries alone. */
function partsOf({ headers, body }: Reply): Part[] {
  const [, boundary = ''] =
    /^multipart\/byteranges; boundary=(\w+)$/.exec(String(headers['content-type'])) ?? []
  const text = body.toString('latin1')
  assert.ok(
    text.startsWith(`--${boundary}\r\n`) && text.endsWith(`\r\n--${boundary}--\r\n`),
    text.slice(0, 100),
  )
  const inner = text.slice(`--${boundary}\r\n`.length, -`\r\n--${boundary}--\r\n`.length)
  return inner.split(`\r\n--${boundary}\r\n`).map((part) => {
    const end = part.indexOf('\r\n\r\n')
    return { headers: part.slice(0, end), body: Buffer.from(part.slice(end + 4), 'latin1') }
  })
}

describe('multipartRanges', () => {
  let fixture: MirrorFixture
  let digest: string
  let path: string

  beforeEach(async () => {
    fixture = await startMirror()
    digest = fixture.content.addBlob(bytes)
    path = `/v2/a/b/blobs/${digest}`
  })

  afterEach(() => fixture[Symbol.asyncDispose]())

  for (const [range, expected] of [
    [
      'bytes=0-99,200-299',
      [
        [0, 100],
        [200, 300],
      ],
    ],
    [
      'bytes=200-299,0-99',
      [
        [200, 300],
        [0, 100],
      ],
    ],
    [
      'bytes=0-99,100-199',
      [
        [0, 100],
        [100, 200],
      ],
    ],
    [
      'bytes=0-99,0-99',
      [
        [0, 100],
        [0, 100],
      ],
    ],
    [
      'bytes=0-199999,299990-,-5',
      [
        [0, 200_000],
        [299_990, 300_000],
        [299_995, 300_000],
      ],
    ],
    ['bytes=5-5,400000-', [[5, 6]]],
  ] as const) {
    it(`gives one part for each range of ${range}, in this order`, async () => {
      const reply = await fixture.get(path, { range })
      assert.equal(reply.status, 206)
      assert.equal(reply.headers['content-range'], undefined)
      assert.equal(reply.headers['docker-content-digest'], digest)
      assert.equal(reply.headers['content-length'], String(reply.body.byteLength))
      const parts = partsOf(reply)
      assert.deepEqual(
        parts.map((part) => part.headers),
        expected.map(
          ([start, end]) =>
            `Content-Type: application/octet-stream\r\nContent-Range: bytes ${start}-${end - 1}/${SIZE_BYTES}`,
        ),
      )
      for (const [index, [start, end]] of expected.entries()) {
        assert.ok(parts[index]?.body.equals(bytes.subarray(start, end)), `part ${index}`)
      }
      await fixture.content.whenClosed()
    })
  }

  it('answers 400 to more than any client asks for', async () => {
    for (const range of [`bytes=${'0-0,'.repeat(1024)}1-1`, 'bytes=0-,0-,0-']) {
      const { status, body } = await fixture.get(path, { range })
      assert.equal(status, 400)
      assert.match(body.toString(), /"RANGE_INVALID"/)
    }
  })

  it('answers 416 when no range is inside the blob', async () => {
    const { status, headers } = await fixture.get(path, { range: 'bytes=300000-,400000-500000' })
    assert.equal(status, 416)
    assert.equal(headers['content-range'], `bytes */${SIZE_BYTES}`)
  })

  it('gives the whole blob when If-Range names another', async () => {
    const { status } = await fixture.get(path, { range: 'bytes=0-1,5-6', 'if-range': '"x"' })
    assert.equal(status, 200)
  })

  it('cuts the reply when a later part can not be had', async () => {
    fixture.content.onRead = async (offset) => {
      if (offset === 200_000) throw new Error('gone')
    }
    using client = await RawClient.connect(fixture.port)
    client.request('GET', path, 'Range: bytes=0-99,200000-200099')
    assert.ok((await client.whenCut()) > 0)
  })

  it('answers 404 when the first part can not be had', async () => {
    fixture.content.onRead = async () => {
      throw new Error('gone')
    }
    assert.equal((await fixture.get(path, { range: 'bytes=0-99,200000-200099' })).status, 404)
  })
})
