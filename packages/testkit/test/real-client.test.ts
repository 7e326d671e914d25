import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { digestHex } from '@layermesh/oci'
import { buildImage, buildIndex, createTempDir, startOrigin, uniqueBytesOf } from '@layermesh/testkit'

const run = promisify(execFile)

describe('A real client', () => {
  before(async function () {
    // From the Debian package skopeo.
    await run('skopeo', ['--version']).catch(() => this.skip())
  })

  for (const format of ['oci', 'docker'] as const) {
    it(`copies a multi-platform image, written as ${format}, by tokens and redirects (Debian package: skopeo)`, async () => {
      await using origin = await startOrigin({ auth: 'bearer', redirectBlobs: true })
      const platforms = ['amd64', 'arm64'].map((architecture) => ({ os: 'linux', architecture }))
      const images = await Promise.all(
        platforms.map((platform, seed) => buildImage({ seed, layerBytes: [300_000, 0], platform, format })),
      )
      const index = buildIndex(images, format)
      origin.add('library/app', index, { tag: 'v1' })
      await using dir = await createTempDir()
      const source = `docker://${origin.host}/library/app:v1`
      await run('skopeo', [
        'copy',
        '--all',
        '--preserve-digests',
        '--src-tls-verify=false',
        source,
        `dir:${dir.path}`,
      ])
      assert.deepEqual(await readFile(join(dir.path, 'manifest.json')), Buffer.from(index.manifest.bytes))
      for (const [digest, { bytes }] of index.contents) {
        if (digest === index.manifest.descriptor.digest) continue
        const suffix = images.some(({ manifest }) => manifest.descriptor.digest === digest)
          ? '.manifest.json'
          : ''
        assert.deepEqual(await readFile(join(dir.path, digestHex(digest) + suffix)), Buffer.from(bytes))
      }
      const { manifestBytes, blobBytes } = origin.account()
      assert.equal(manifestBytes + blobBytes, uniqueBytesOf(index))
      assert.equal(
        origin.requests.filter(({ server, authorization }) => server === 'cdn' && authorization).length,
        0,
      )
    })
  }
})
