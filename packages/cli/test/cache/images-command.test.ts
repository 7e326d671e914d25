import assert from 'node:assert/strict'
import { imagesText } from '../../src/cache/images-command.ts'
import { startCacheDaemon } from '../support/cache-daemon.ts'
import { IMAGES } from '../support/cached-images.ts'
import { runCommand } from '../support/run-command.ts'
import { runInProcess } from '../support/run-in-process.ts'

describe('layermesh images', () => {
  it('shows what the daemon has', async () => {
    await using daemon = await startCacheDaemon({ images: async () => IMAGES })
    const { code, stdout, stderr } = await runCommand(['images', '--admin', daemon.url])
    assert.deepEqual([code, stderr], [0, ''])
    assert.match(stdout, /^IMAGE .*\ndocker\.io\/library\/nginx .*\nghcr\.io\/org\/app .*\n$/)
  })

  it('prints JSON with --json, also when there is nothing', async () => {
    await using daemon = await startCacheDaemon({ images: async () => IMAGES })
    const some = await runInProcess(['images', '--json', '--admin', daemon.url])
    assert.deepEqual(JSON.parse(some.stdout), IMAGES)
    await using empty = await startCacheDaemon()
    const none = await runInProcess(['images', '--json', '--admin', empty.url])
    assert.deepEqual(none, { code: 0, stdout: '[]\n', stderr: '' })
  })
})

describe('imagesText', () => {
  it('shows a line for each image', () => {
    assert.equal(
      imagesText(IMAGES, Date.parse('2026-01-01T12:00:00Z')),
      `IMAGE                    TAGS          DIGEST               PLATFORMS                         SIZE      OWN  LAST USED  HELD BY                 STATE
docker.io/library/nginx  1.27, latest  sha256:0123456789ab  linux/amd64, linux/arm64/v8  120.0 MiB  1.5 MiB    3 h ago  3 in site, 1 in region  complete, pinned
ghcr.io/org/app          -             sha256:ffffffffffff  -                                700 B      0 B    7 d ago  no other node           partial
`,
    )
  })

  it('says how the cache is filled when it is empty', () => {
    assert.match(imagesText([], 0), /^no images yet: pull one through the mirror; [^\n]+\n$/)
  })
})
