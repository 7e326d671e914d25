import assert from 'node:assert/strict'

import { OCI_MANIFEST } from '@layermesh/oci'
import { artifactOf, type BuiltContent, builtContent, builtJson, seededBytes } from '@layermesh/testkit'

import { type ServedNode, startServedNode } from './support/served-node.ts'

const MiB = 1024 * 1024
const LAYER = 'application/vnd.oci.image.layer.v1.tar'

describe('blobs from a node', () => {
  let served: ServedNode
  let count = 0

  before(async () => {
    served = await startServedNode()
  })

  after(() => served[Symbol.asyncDispose]())

  /** The path of a blob that nobody has asked for, in a repository of its own. */
  function serve(blob: BuiltContent): { readonly repository: string; readonly path: string } {
    count += 1
    const repository = `blobs/r${count}`
    const manifest = builtJson(
      { schemaVersion: 2, config: {}, layers: [], annotations: { count: String(count) } },
      OCI_MANIFEST,
    )
    served.origin.add(repository, artifactOf(manifest, [blob]))
    return { repository, path: `/v2/${repository}/blobs/${blob.descriptor.digest}` }
  }

  function newBlob(sizeBytes: number, algorithm: 'sha256' | 'sha512' = 'sha256'): BuiltContent {
    return builtContent(seededBytes(`blob ${count}`, sizeBytes), LAYER, algorithm)
  }

  for (const state of ['cold', 'warm'] as const) {
    describe(state, () => {
      async function serveIn(sizeBytes = 2048) {
        const blob = newBlob(sizeBytes)
        const { path } = serve(blob)
        if (state === 'warm') await served.get(path)
        return { blob, path }
      }

      for (const [range, start, end] of [
        ['bytes=500-1499', 500, 1500],
        ['bytes=500-', 500, 2048],
        ['bytes=0-', 0, 2048],
        ['bytes=-500', 1548, 2048],
        ['bytes=2000-5000', 2000, 2048],
      ] as const) {
        it(`are given in part to Range: ${range}`, async () => {
          const { blob, path } = await serveIn()
          const { status, headers, body } = await served.get(path, { range })
          assert.equal(status, 206)
          assert.equal(headers['content-range'], `bytes ${start}-${end - 1}/2048`)
          assert.equal(headers['content-length'], String(end - start))
          assert.equal(headers['content-type'], 'application/octet-stream')
          assert.ok(body.equals(blob.bytes.subarray(start, end)))
        })
      }

      for (const range of ['bytes=500-0', 'bytes=5000-10000']) {
        it(`are refused with 416 to Range: ${range}`, async () => {
          const { path } = await serveIn()
          const { status, headers } = await served.get(path, { range })
          assert.deepEqual([status, headers['content-range']], [416, 'bytes */2048'])
        })
      }

      for (const range of ['lines=1-2', 'bytes=a-b', 'nonsense']) {
        it(`are given whole to Range: ${range}`, async () => {
          const { blob, path } = await serveIn()
          const { status, body } = await served.get(path, { range })
          assert.equal(status, 200)
          assert.ok(body.equals(blob.bytes))
        })
      }

      it('are given in parts to several ranges, one part a range, in their order', async () => {
        const { blob, path } = await serveIn(3 * MiB)
        const ranges = [
          [2_500_000, 2_500_010],
          [0, 10],
          [1_048_570, 1_048_580],
        ] as const
        const range = `bytes=${ranges.map(([start, end]) => `${start}-${end - 1}`).join(',')}`
        const { status, headers, body } = await served.get(path, { range })
        assert.equal(status, 206)
        assert.match(String(headers['content-type']), /^multipart\/byteranges; boundary=/)
        const text = body.toString('latin1')
        const found = [...text.matchAll(/Content-Range: bytes (\d+)-(\d+)\/3145728\r\n\r\n/g)].map(
          (match) => {
            const at = match.index + match[0].length
            return [Number(match[1]), Number(match[2]) + 1, body.subarray(at, at + 10)] as const
          },
        )
        assert.deepEqual(
          found.map(([start, end]) => [start, end]),
          ranges.map(([start, end]) => [start, end]),
        )
        for (const [start, end, bytes] of found) assert.ok(bytes.equals(blob.bytes.subarray(start, end)))
      })

      it('honour If-Range with their tag, and no other', async () => {
        const { blob, path } = await serveIn()
        const range = 'bytes=0-9'
        const { digest } = blob.descriptor
        assert.equal((await served.get(path, { range, 'if-range': `"${digest}"` })).status, 206)
        assert.equal((await served.get(path, { range, 'if-range': '"x"' })).status, 200)
        const date = 'Wed, 21 Oct 2015 07:28:00 GMT'
        assert.equal((await served.get(path, { range, 'if-range': date })).status, 200)
      })

      it('are described to HEAD as to GET, whatever encodings the client takes', async () => {
        const { blob, path } = await serveIn()
        const headers = { 'accept-encoding': 'zstd;q=1.0, gzip;q=0.8, deflate;q=0.5' }
        const head = await served.head(path, headers)
        const got = await served.get(path, headers)
        for (const { status, headers } of [head, got]) {
          assert.equal(status, 200)
          assert.equal(headers['content-type'], 'application/octet-stream')
          assert.equal(headers['content-length'], '2048')
          assert.equal(headers['accept-ranges'], 'bytes')
          assert.equal(headers['docker-content-digest'], blob.descriptor.digest)
          assert.equal(headers['etag'], `"${blob.descriptor.digest}"`)
          assert.equal(headers['content-encoding'], undefined)
        }
        assert.equal(head.body.byteLength, 0)
      })
    })
  }

  for (const algorithm of ['sha256', 'sha512'] as const) {
    it(`may be empty, with a digest of ${algorithm}`, async () => {
      const { path } = serve(builtContent(new Uint8Array(), LAYER, algorithm))
      for (const headers of [{}, { range: 'bytes=0-' }]) {
        const { status, headers: got, body } = await served.get(path, headers)
        assert.deepEqual([status, got['content-length'], body.byteLength], [200, '0', 0])
      }
    })

    it(`have a digest of ${algorithm}`, async () => {
      const blob = newBlob(100_000, algorithm)
      const { path } = serve(blob)
      assert.ok((await served.get(path)).body.equals(blob.bytes))
    })
  }

  it('are asked for their size without a byte of them', async () => {
    const blob = newBlob(MiB)
    const { path } = serve(blob)
    assert.equal((await served.head(path)).headers['content-length'], String(MiB))
    assert.equal(served.origin.account().byDigest[blob.descriptor.digest], undefined)
  })

  it('are served while they come: what is there at once, the rest when it is', async () => {
    const blob = newBlob(5 * MiB)
    const { repository, path } = serve(blob)
    const stall = served.script(
      repository,
      { kind: 'blob', method: 'GET' },
      { type: 'stall', afterBytes: 2.5 * MiB },
    )
    const first = await served.get(path, { range: 'bytes=0-99' })
    assert.deepEqual([first.status, first.headers['content-range']], [206, `bytes 0-99/${5 * MiB}`])
    assert.equal((await served.head(path)).headers['content-length'], String(5 * MiB))
    // As containerd asks for chunks: the last one first.
    const rest = [4 * MiB, 3 * MiB, 0].map((start) => served.get(path, { range: `bytes=${start}-` }))
    stall.release()
    for (const [index, start] of [4 * MiB, 3 * MiB, 0].entries()) {
      const reply = await rest[index]!
      assert.equal(reply.status, 206)
      assert.ok(reply.body.equals(blob.bytes.subarray(start)))
    }
    assert.equal(served.origin.account().byDigest[blob.descriptor.digest], 5 * MiB)
  })

  it('are fetched once for however many ask', async () => {
    const blob = newBlob(3 * MiB)
    const { path } = serve(blob)
    const replies = await Promise.all(Array.from({ length: 8 }, () => served.get(path)))
    assert.ok(replies.every(({ body }) => body.equals(blob.bytes)))
    assert.equal(served.origin.account().byDigest[blob.descriptor.digest], 3 * MiB)
  })

  it('are cut when nothing can go on, and then left to the registry', async () => {
    const blob = newBlob(5 * MiB)
    const { repository, path } = serve(blob)
    const match = { repository, kind: 'blob', method: 'GET' } as const
    using cut = served.origin.script({ match, action: { type: 'cut', afterBytes: 2.5 * MiB }, times: 1 })
    const down = served.origin.script({ match, action: { type: 'status', status: 404 } })
    const { errorCode, received } = await served.getRaw(path)
    assert.equal(cut.hits, 1)
    assert.match(received, /^HTTP\/1.1 200 /)
    assert.ok(errorCode === undefined && received.length < 5 * MiB, String(errorCode))
    down[Symbol.dispose]()
    const { status, body } = await served.get(path, { range: `bytes=${2 * MiB}-` })
    assert.equal(status, 404)
    assert.match(body.toString(), /"BLOB_UNKNOWN"/)
  })

  it('are 404 when upstream has not got them, as foreign layers are', async () => {
    const { repository } = serve(newBlob(10))
    const missing = newBlob(11)
    const { status, body } = await served.get(`/v2/${repository}/blobs/${missing.descriptor.digest}`)
    assert.equal(status, 404)
    assert.match(body.toString(), /"BLOB_UNKNOWN"/)
  })

  it('are never somewhere else: what upstream redirects is followed', async () => {
    await using other = await startServedNode([], { redirectBlobs: true })
    const blob = newBlob(100_000)
    other.origin.add('a/b', artifactOf(builtJson({ schemaVersion: 2, manifests: [] }, 'x/y'), [blob]))
    const { status, headers, body } = await other.get(`/v2/a/b/blobs/${blob.descriptor.digest}`)
    assert.deepEqual([status, headers['location']], [200, undefined])
    assert.ok(body.equals(blob.bytes))
  })
})
