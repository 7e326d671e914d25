import assert from 'node:assert/strict'
import { buffer } from 'node:stream/consumers'
import { gunzipSync, zstdDecompressSync } from 'node:zlib'
import { digestOf } from '@layermesh/oci'
import { extract, type Header } from 'tar-stream'
import { buildLayer } from '../src/build-layer.ts'
import { seededBytes } from '../src/seeded-bytes.ts'

const MiB = 1024 * 1024

interface TarEntry {
  readonly header: Header
  readonly content: Buffer
}

async function untar(tar: Uint8Array): Promise<TarEntry[]> {
  const archive = extract()
  archive.end(tar)
  const entries: TarEntry[] = []
  for await (const entry of archive) entries.push({ header: entry.header, content: await buffer(entry) })
  return entries
}

describe('buildLayer', () => {
  it('packs a folder and files that hold exactly the bytes that were asked for', async () => {
    const layer = await buildLayer(
      { seed: '7/0', sizeBytes: 100_000 },
      { format: 'oci', compression: 'none' },
    )
    const [folder, file, ...rest] = await untar(layer.bytes)
    assert.deepEqual([folder?.header.name, folder?.header.type], ['layermesh/7-0/', 'directory'])
    assert.deepEqual([file?.header.name, file?.header.type], ['layermesh/7-0/0000.bin', 'file'])
    assert.deepEqual(file?.content, seededBytes('7/0', 100_000))
    assert.deepEqual(rest, [])
  })

  it('splits large content over several files', async () => {
    const spec = { seed: 'large', sizeBytes: 20 * MiB }
    const layer = await buildLayer(spec, { format: 'oci', compression: 'none' })
    const files = (await untar(layer.bytes)).slice(1)
    assert.deepEqual(
      files.map(({ header }) => header.size),
      [8 * MiB, 8 * MiB, 4 * MiB],
    )
    assert.equal(
      digestOf(Buffer.concat(files.map(({ content }) => content))),
      digestOf(seededBytes('large', 20 * MiB)),
    )
  })

  it('makes as much of the content compressible as was asked for', async () => {
    const plain = { seed: 'text', sizeBytes: 200_000 }
    const sizes = await Promise.all(
      [0, 0.5, 1].map(async (compressiblePart) => {
        const layer = await buildLayer({ ...plain, compressiblePart }, { format: 'oci', compression: 'gzip' })
        const files = (await untar(gunzipSync(layer.bytes))).slice(1)
        assert.equal(
          files.reduce((sum, { content }) => sum + content.length, 0),
          plain.sizeBytes,
        )
        return layer.descriptor.sizeBytes
      }),
    )
    const [none = 0, half = 0, all = 0] = sizes
    assert.ok(none > 200_000)
    assert.ok(all < 80_000, `${all} bytes`)
    assert.ok(Math.abs(half - (none + all) / 2) < 5000, `${half} bytes`)
  })

  it("compresses with zstd where the layer's own spec says so", async () => {
    const spec = { seed: 'zstd', sizeBytes: 50_000, compressiblePart: 1, compression: 'zstd' } as const
    const layer = await buildLayer(spec, { format: 'oci', compression: 'gzip' })
    assert.equal(layer.descriptor.mediaType, 'application/vnd.oci.image.layer.v1.tar+zstd')
    const tar = zstdDecompressSync(layer.bytes)
    assert.equal(digestOf(tar), layer.diffId)
    assert.equal((await untar(tar))[1]?.content.length, 50_000)
  })

  it('packs the folder alone when there are no bytes', async () => {
    const layer = await buildLayer({ seed: 'empty', sizeBytes: 0 }, { format: 'oci', compression: 'none' })
    assert.equal((await untar(layer.bytes)).length, 1)
  })

  it('leaves no trace of when and where it was built', async () => {
    const layer = await buildLayer({ seed: '1', sizeBytes: 10 }, { format: 'oci', compression: 'gzip' })
    // RFC 1952 §2.3: magic, deflate, no flags; no time of change; level; system unknown.
    assert.deepEqual([...layer.bytes.subarray(0, 8)], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0])
    assert.equal(layer.bytes[9], 255)
    for (const { header } of await untar(gunzipSync(layer.bytes))) {
      assert.deepEqual([header.mtime.getTime(), header.uid, header.gid], [0, 0, 0])
    }
  })

  it('names the compressed bytes by its digest, and the tar within by its diff id', async () => {
    const layer = await buildLayer({ seed: '1', sizeBytes: 5000 }, { format: 'oci', compression: 'gzip' })
    assert.equal(layer.descriptor.digest, digestOf(layer.bytes))
    assert.equal(layer.diffId, digestOf(gunzipSync(layer.bytes)))
    assert.notEqual(layer.diffId, layer.descriptor.digest)
  })

  it('has one digest for both when the tar is not compressed', async () => {
    const layer = await buildLayer({ seed: '1', sizeBytes: 5000 }, { format: 'oci', compression: 'none' })
    assert.equal(layer.diffId, layer.descriptor.digest)
  })
})
